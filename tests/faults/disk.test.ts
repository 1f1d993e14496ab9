/** A disk that is really full: a tmpfs of 1 MiB. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreEvent } from '../../src/store/database.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { RingRow, Store } from '../../src/store/store.ts';
import { tmpfs } from '../support/tmpfs.ts';

const { folder: disk, mount, unmount, problem: reason } = tmpfs();
afterAll(() => rmSync(disk, { recursive: true }));

describe.skipIf(reason !== '')(`a full disk${reason && ` (skipped: ${reason})`}`, () => {
  const folder = join(disk, 'data');
  const filler = join(disk, 'filler');
  let store: Store;
  let events: StoreEvent[];

  beforeEach(async () => {
    expect(mount()).toBe('');
    events = [];
    store = await open();
  });
  afterEach(async () => {
    await store.close();
    unmount();
  });

  const open = (from = folder) =>
    openSqliteStore({ folder: from, onEvent: (event) => events.push(event) });

  const row = (position: number): RingRow => {
    const text = `${position} ${'x'.repeat(1000)}`;
    return { position, text, owner: 'a key', bytes: text.length };
  };

  /** Puts each row into a ring of its own, so that the database has to grow. */
  async function putRows(first: number, last: number): Promise<void> {
    for (let at = first; at <= last; at++) await store.rings.put(`ring ${at}`, [row(at)], 8);
  }

  async function expectRows(positions: number[]): Promise<void> {
    const index = await store.rings.index();
    const found = index.flatMap(({ rows }) => rows.map(({ position }) => position));
    expect(found.sort((a, b) => a - b)).toEqual(positions);
    for (const position of positions) {
      expect(await store.rings.read(`ring ${position}`, 0, 1)).toEqual([row(position)]);
    }
  }

  const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

  test('rejects puts and says why, heals by itself, and keeps what was acknowledged', async () => {
    await putRows(1, 20);
    fill();
    const outcomes = await Promise.allSettled([21, 22, 23].map((at) => putRows(at, at)));
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('rejected');
      const { message } = (outcome as PromiseRejectedResult).reason as Error;
      expect(message).toContain('database or disk is full');
    }
    expect(store.trouble()).toContain('database or disk is full');
    // Reads go on, and see nothing of what was rejected.
    await expectRows(upTo(20));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ level: 'error', event: 'store.trouble' });

    rmSync(filler);
    // No traffic: only the probe can find out.
    await waitUntil(() => store.trouble() === undefined);
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({ level: 'info', event: 'store.healed' });
    await putRows(21, 40);
    await expectRows(upTo(40));
    await store.close();
    store = await open();
    await expectRows(upTo(40));
    expect(events).toHaveLength(2);
  });

  test('is noticed as gone by the first put that works', async () => {
    await putRows(1, 20);
    fill();
    await expectFull(putRows(21, 21));
    rmSync(filler);
    await putRows(21, 21);
    expect(store.trouble()).toBeUndefined();
    await expectRows(upTo(21));
  });

  test('found by filling it with rows loses none of them', async () => {
    let last = 0;
    let message = '';
    while (message === '' && last < 2000) {
      await putRows(last + 1, last + 1).then(
        () => last++,
        (error: Error) => (message = error.message),
      );
    }
    expect(message).toContain('full');
    await expectRows(upTo(last));

    // What kill -9 would leave behind, brought to a disk with room.
    const copy = mkdtempSync(join(tmpdir(), 'moonstead-rescued-'));
    for (const file of ['moonstead.db', 'moonstead.db-wal']) {
      copyFileSync(join(folder, file), join(copy, file));
    }
    await store.close();
    store = await open(copy);
    await expectRows(upTo(last));
    await store.close();
    rmSync(copy, { recursive: true });
    // The close on the full disk lost none either.
    store = await open();
    await expectRows(upTo(last));
    expect(events.filter(({ event }) => event === 'store.corrupt')).toEqual([]);
  });

  test('does not stop a ring whose room is taken already', async () => {
    for (let at = 1; at <= 40; at++) await store.rings.put('r', [row(at)], 8);
    await store.close();
    store = await open();
    await store.rings.put('r', [row(41)], 8);
    fill();
    for (let at = 42; at <= 80; at++) await store.rings.put('r', [row(at)], 8);
    const kept = await store.rings.read('r', 0, 100_000);
    expect(kept).toEqual([73, 74, 75, 76, 77, 78, 79, 80].map(row));
    expect(events).toEqual([]);
  });

  test('rejects records too, and one that is there already is no sign of room', async () => {
    const there = { key: 'a', text: 'the same' };
    await store.records.put('s', [there]);
    fill();
    const large = { key: 'b', text: 'x'.repeat(200_000) };
    await expectFull(store.records.put('s', [{ key: 'a', text: 'changed' }, large]));
    await store.records.put('s', [there]);
    await store.records.drop('s', ['nobody']);
    expect(store.trouble()).toContain('database or disk is full');
    expect(await store.records.all('s')).toEqual([there]);

    rmSync(filler);
    await store.records.put('s', [large]);
    expect(store.trouble()).toBeUndefined();
    expect(events.map(({ event }) => event)).toEqual(['store.trouble', 'store.healed']);
    await store.close();
    store = await open();
    expect(await store.records.all('s')).toEqual([there, large]);
  });

  test('at the start is an error that names the folder, and the lock is free again', async () => {
    const other = join(disk, 'other');
    mkdirSync(other);
    fill();
    const refused = await open(other).then(
      () => 'it opened',
      (error: Error) => error.message,
    );
    expect(refused).toContain(other);
    expect(refused).toContain('full');
    rmSync(filler);
    await (await open(other)).close();
  });

  async function expectFull(promise: Promise<unknown>): Promise<void> {
    const message = await promise.then(
      () => 'it succeeded',
      (error: Error) => error.message,
    );
    expect(message).toContain('database or disk is full');
  }

  /** Takes every byte that is left. */
  function fill(): void {
    const file = openSync(filler, 'w');
    for (const size of [65_536, 4096, 1]) {
      const bytes = Buffer.alloc(size);
      try {
        for (;;) writeSync(file, bytes);
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ENOSPC');
      }
    }
    closeSync(file);
  }
});

async function waitUntil(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come about in 10 s');
    await Bun.sleep(5);
  }
}
