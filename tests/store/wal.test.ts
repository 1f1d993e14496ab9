import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreEvent } from '../../src/store/database.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { positionsOf, row } from './rows.ts';
import { temporaryFolders } from './folders.ts';

const newFolder = temporaryFolders();
const headerBytes = 32;
const frameBytes = 24 + 4096;

/** What a kill -9 leaves: row 1 in the database, rows 2 to 20 in the log, a commit each. */
async function crashed(): Promise<{ folder: string; wal: string }> {
  const [live, folder] = [newFolder(), newFolder()];
  const first = await openSqliteStore({ folder: live });
  await first.rings.put('r', [row(1)], 100);
  await first.close();
  const store = await openSqliteStore({ folder: live });
  for (let position = 2; position <= 20; position++) {
    await store.rings.put('r', [row(position)], 100);
  }
  mkdirSync(folder);
  const files = ['moonstead.db', 'moonstead.db-wal'];
  for (const file of files) copyFileSync(join(live, file), join(folder, file));
  await store.close();
  return { folder, wal: join(folder, 'moonstead.db-wal') };
}

async function open(folder: string) {
  const events: StoreEvent[] = [];
  const store = await openSqliteStore({ folder, onEvent: (event) => events.push(event) });
  return { store, events };
}

/** Opens with a damaged log: it must be kept byte by byte beside the rows that could be read. */
async function expectLogKept(folder: string, wal: string, positions: number[]): Promise<void> {
  const damaged = readFileSync(wal);
  const { store, events } = await open(folder);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ level: 'error', event: 'store.corrupt', path: wal });
  expect(await positionsOf(store, 'r')).toEqual(positions);
  await store.rings.put('r', [row(99)], 100);
  expect(await positionsOf(store, 'r')).toEqual([...positions, 99]);
  await store.close();
  const copy = String(events[0]?.copiedTo);
  expect(copy).toMatch(/moonstead\.db\.corrupt-[\dT.-]+Z-wal$/);
  expect(readFileSync(copy).equals(damaged)).toBe(true);
}

/** Flips every bit of `length` bytes. */
function damage(path: string, at: number, length = 1): void {
  const bytes = readFileSync(path);
  for (let i = at; i < at + length; i++) bytes[i] = ~(bytes[i] ?? 0);
  writeFileSync(path, bytes);
}

describe('a damaged log is kept, and what can be read of it is used', () => {
  test.each([0, 9, 20, 31])('a wrong byte %p of its header', async (at) => {
    const { folder, wal } = await crashed();
    damage(wal, at);
    await expectLogKept(folder, wal, [1]);
  });

  test('garbage in the place of its first pages', async () => {
    const { folder, wal } = await crashed();
    damage(wal, 0, 9000);
    await expectLogKept(folder, wal, [1]);
  });

  test('a wrong byte in the middle of a page', async () => {
    const { folder, wal } = await crashed();
    damage(wal, headerBytes + 5 * frameBytes + 2000);
    await expectLogKept(folder, wal, [1, 2, 3, 4, 5, 6]);
  });

  test('a wrong byte in the head of a frame', async () => {
    const { folder, wal } = await crashed();
    damage(wal, headerBytes + 2 * frameBytes + 17);
    await expectLogKept(folder, wal, [1, 2, 3]);
  });
});

test('a whole log goes aside unchanged with its corrupt database', async () => {
  const { folder, wal } = await crashed();
  const database = join(folder, 'moonstead.db');
  damage(database, 0, 100);
  const before = [database, wal].map((path) => readFileSync(path));
  const { store, events } = await open(folder);
  const movedTo = String(events[0]?.movedTo);
  expect(await store.rings.index()).toEqual([]);
  await store.close();
  const after = [movedTo, `${movedTo}-wal`].map((path) => readFileSync(path));
  expect(after.map((bytes, i) => bytes.equals(before[i] ?? Buffer.of()))).toEqual([true, true]);
});

describe('what a crash leaves is no damage', () => {
  async function expectQuiet(folder: string, positions: number[]): Promise<void> {
    const { store, events } = await open(folder);
    expect(events).toEqual([]);
    expect(await positionsOf(store, 'r')).toEqual(positions);
    await store.close();
    expect(readdirSync(folder).sort()).toEqual(['moonstead.db', 'moonstead.lock']);
  }
  const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

  test('a whole log', async () => {
    const { folder } = await crashed();
    await expectQuiet(folder, upTo(20));
  });

  test('a last commit that was not finished', async () => {
    const { folder, wal } = await crashed();
    damage(wal, headerBytes + 18 * frameBytes + 100);
    await expectQuiet(folder, upTo(19));
  });

  test('a log cut off in the middle of a page', async () => {
    const { folder, wal } = await crashed();
    writeFileSync(wal, readFileSync(wal).subarray(0, headerBytes + 9 * frameBytes + 1000));
    await expectQuiet(folder, upTo(10));
  });

  test('a header without a page', async () => {
    const { folder, wal } = await crashed();
    writeFileSync(wal, readFileSync(wal).subarray(0, headerBytes));
    await expectQuiet(folder, [1]);
  });

  test('a log that was begun anew over an older, longer one', async () => {
    const folder = newFolder();
    const store = await openSqliteStore({ folder });
    await store.rings.put('r', [row(1)], 100);
    await store.close();
    const path = join(folder, 'moonstead.db');
    const db = new Database(path);
    const insert = db.query(
      `INSERT INTO ring_rows (ring, position, owner, bytes, text) VALUES ('r', ?, 'a key', 1, 'x')`,
    );
    for (let position = 2; position <= 20; position++) insert.run(position);
    db.run('PRAGMA wal_checkpoint(RESTART)');
    insert.run(21);
    const crashedFolder = newFolder();
    mkdirSync(crashedFolder);
    for (const suffix of ['', '-wal']) {
      copyFileSync(path + suffix, join(crashedFolder, `moonstead.db${suffix}`));
    }
    db.close();
    await expectQuiet(crashedFolder, upTo(21));
  });
});
