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
  for (const write of ['INSERT', 'UPDATE'])
    db.run(`CREATE TRIGGER poison_${write} BEFORE ${write} ON ring_rows WHEN new.text = 'poison'
            BEGIN SELECT RAISE(ABORT, 'this text is poison'); END`);
  db.close();
  return openSqliteStore({ folder });
}

test('a failing statement fails its own call and none of the transaction that it shares', async () => {
  const store = await openPoisoned();
  const outcomes = await Promise.allSettled([
    store.rings.put('r', [row(1)], 8),
    store.rings.put('r', [row(2), row(3, 'poison')], 8),
    store.rings.put('s', [row(4)], 8),
    store.rings.drop('r', [1]),
    store.rings.read('r', 0, 1000),
    store.rings.put('r', [row(5)], 8),
  ]);
  const failed = outcomes.flatMap((each, i) => (each.status === 'rejected' ? [i] : []));
  expect(failed).toEqual([1]);
  const reason = (outcomes[1] as PromiseRejectedResult).reason as unknown;
  expect(reason).toBeInstanceOf(Error);
  expect((reason as Error).message).toContain('this text is poison');
  expect(outcomes[4]).toEqual({ status: 'fulfilled', value: [] });
  expect(await positionsOf(store, 'r')).toEqual([5]);
  expect(await positionsOf(store, 's')).toEqual([4]);
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

test('a thread that dies rejects what is under way and what comes, and trouble says so', async () => {
  const folder = newFolder();
  const events: StoreEvent[] = [];
  const started = Promise.withResolvers<Worker>();
  const seen = (worker: unknown) => started.resolve(worker as Worker);
  process.once('worker', seen);
  const store = await openSqliteStore({ folder, onEvent: (event) => events.push(event) });
  const worker = await started.promise;

  const underWay = failure(store.rings.put('r', [row(1, 'x'.repeat(1_000_000))], 8));
  worker.terminate();
  expect(await underWay).toContain('the thread of the store ended');
  expect(await failure(store.rings.put('r', [row(2)], 8))).toContain(
    'the thread of the store ended',
  );
  expect(store.trouble()).toContain('the thread of the store ended');
  expect(events.map(({ level, event }) => `${level} ${event}`)).toEqual(['error store.ended']);
  await store.close();
});
