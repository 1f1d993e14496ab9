import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import type { StoreEvent } from '../../src/store/database.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { failure, positionsOf, row } from './rows.ts';
import { temporaryFolders } from './folders.ts';

const newFolder = temporaryFolders();

/** A store whose database itself refuses a text: not a check of ours, a failing statement. */
async function openPoisoned() {
  const folder = newFolder();
  await (await openSqliteStore({ folder })).close();
  const db = new Database(join(folder, 'moonstead.db'));
  for (const table of ['ring_rows', 'records'])
    for (const write of ['INSERT', 'UPDATE'])
      db.run(`CREATE TRIGGER poison_${write}_${table} BEFORE ${write} ON ${table}
              WHEN new.text = 'poison' BEGIN SELECT RAISE(ABORT, 'this text is poison'); END`);
  db.close();
  return openSqliteStore({ folder });
}

test('a failing statement for a ring fails its own call and none of the transaction that it shares', async () => {
  const store = await openPoisoned();
  const outcomes = await Promise.allSettled([
    store.rings.put('r', [row(1)], 8),
    store.rings.put('r', [row(2), row(3, 'poison')], 8),
    store.rings.put('s', [row(4)], 8),
    store.rings.drop('r', [1]),
    store.rings.read('r', 0, 1000),
    store.rings.put('r', [row(5)], 8),
    store.records.put('s', [{ key: 'a', text: 'kept' }]),
  ]);
  const failed = outcomes.flatMap((each, i) => (each.status === 'rejected' ? [i] : []));
  expect(failed).toEqual([1]);
  const reason = (outcomes[1] as PromiseRejectedResult).reason as unknown;
  expect(reason).toBeInstanceOf(Error);
  expect((reason as Error).message).toContain('this text is poison');
  expect(outcomes[4]).toEqual({ status: 'fulfilled', value: [] });
  expect(await positionsOf(store, 'r')).toEqual([5]);
  expect(await positionsOf(store, 's')).toEqual([4]);
  expect(await store.records.all('s')).toEqual([{ key: 'a', text: 'kept' }]);
  // The value was at fault, not the disk.
  expect(store.trouble()).toBeUndefined();
  await store.close();
});

test('what a failed call pushed out and dropped is there again, and is pushed out in its turn', async () => {
  const store = await openPoisoned();
  await store.rings.put('r', [row(1), row(2), row(3)], 3);
  await store.rings.put('s', [row(1), row(2)], 3);
  const poisoned = store.rings.put('r', [row(4), row(5), row(6, 'poison')], 3);
  const beside = store.rings.drop('s', [1]);
  expect(await failure(poisoned)).toContain('this text is poison');
  await beside;
  expect(await positionsOf(store, 'r')).toEqual([1, 2, 3]);
  await store.rings.put('r', [row(7)], 3);
  expect(await positionsOf(store, 'r')).toEqual([2, 3, 7]);
  await store.rings.put('s', [row(8), row(9)], 3);
  expect(await positionsOf(store, 's')).toEqual([2, 8, 9]);
  await store.close();
});

test('a failing statement for a record fails its own call, and leaves every record as it was', async () => {
  const store = await openPoisoned();
  const [a, b, c] = [
    { key: 'a', text: 'as it was' },
    { key: 'b', text: 'as it was' },
    { key: 'c', text: 'new' },
  ] as const;
  await store.records.put('s', [a, b]);
  const outcomes = await Promise.allSettled([
    store.rings.put('r', [row(1)], 8),
    store.rings.put('q', [row(2, 'poison')], 8),
    store.records.put('s', [{ key: 'a', text: 'changed' }, c, { key: 'b', text: 'poison' }]),
    store.records.put('s', [c, { key: 'd', text: 'poison' }]),
    store.records.all('s'),
    store.records.drop('s', ['b']),
    store.records.put('t', [c]),
  ]);
  const reasons = outcomes.map((each) => (each.status === 'rejected' ? String(each.reason) : ''));
  const poison = expect.stringContaining('this text is poison') as string;
  expect(reasons).toEqual(['', poison, poison, poison, '', '', '']);
  expect(outcomes[4]).toEqual({ status: 'fulfilled', value: [a, b] });
  expect(await store.records.all('s')).toEqual([a]);
  expect(await store.records.all('t')).toEqual([c]);
  expect(await positionsOf(store, 'r')).toEqual([1]);
  expect(store.trouble()).toBeUndefined();
  await store.close();
});

test('a thread that dies rejects what is under way and what comes, and trouble says so', async () => {
  const folder = newFolder();
  const events: StoreEvent[] = [];
  const started = Promise.withResolvers<Worker>();
  const seen = (worker: unknown) => started.resolve(worker as Worker);
  process.once('worker', seen);
  const store = await openSqliteStore({ folder, onEvent: (event) => events.push(event) });
  const worker = await started.promise;

  const underWay = failure(store.rings.put('r', [row(1, 'x'.repeat(1_000_000))], 8));
  const recordUnderWay = failure(store.records.put('s', [{ key: 'a', text: '' }]));
  worker.terminate();
  const reasons = [
    await underWay,
    await recordUnderWay,
    await failure(store.rings.put('r', [row(2)], 8)),
    await failure(store.records.put('s', [{ key: 'b', text: '' }])),
    await failure(store.records.all('s')),
  ];
  for (const reason of reasons) expect(reason).toContain('the thread of the store ended');
  expect(store.trouble()).toContain('the thread of the store ended');
  expect(events.map(({ level, event }) => `${level} ${event}`)).toEqual(['error store.ended']);
  await store.close();
});
