import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { StoreEvent } from '../../src/store/database.ts';
import { StoreTooNew } from '../../src/store/migrations.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { positionsOf, row } from './rows.ts';
import { temporaryFolders } from './folders.ts';

const newFolder = temporaryFolders();

/** A folder in which ring `r` has rows 1 to `rows`, some 4 KB each, cleanly closed. */
async function written(rows: number): Promise<{ folder: string; file: string }> {
  const folder = newFolder();
  const store = await openSqliteStore({ folder });
  const text = 'x'.repeat(3000);
  const all = Array.from({ length: rows }, (_, i) => row(i + 1, text));
  await store.rings.put('r', all, rows);
  await store.close();
  return { folder, file: join(folder, 'moonstead.db') };
}

/** Opens, and says what the store reported meanwhile. */
async function openHeard(folder: string) {
  const events: StoreEvent[] = [];
  const store = await openSqliteStore({ folder, onEvent: (event) => events.push(event) });
  return { store, events };
}

/** Opens a folder whose database is corrupt: it must be aside byte by byte, and a fresh one work. */
async function expectMovedAside(folder: string, suffixes: string[]): Promise<void> {
  const before = suffixes.map((suffix) => readFileSync(join(folder, `moonstead.db${suffix}`)));
  const { store, events } = await openHeard(folder);
  expect(events).toHaveLength(1);
  const [event] = events;
  const movedTo = String(event?.movedTo);
  expect(event).toMatchObject({ level: 'error', event: 'store.corrupt' });
  expect(event?.reason).toBeString();
  expect(movedTo).toMatch(/moonstead\.db\.corrupt-\d{4}-\d\d-\d\dT[\d.-]+Z$/);
  for (const [i, suffix] of suffixes.entries()) {
    expect(readFileSync(movedTo + suffix).equals(before[i] ?? Buffer.of())).toBe(true);
  }
  expect(await store.rings.index()).toEqual([]);
  await store.rings.put('r', [row(1)], 8);
  expect(await positionsOf(store, 'r')).toEqual([1]);
  await store.close();
  for (const suffix of suffixes) expect(existsSync(movedTo + suffix)).toBe(true);
}

test('rows and records survive a close and a reopen', async () => {
  const folder = newFolder();
  const store = await openSqliteStore({ folder });
  await store.rings.put('r', [row(1), row(2, 'é😀\u0000')], 8);
  await store.records.put('s', [{ key: 'é😀\u0000', text: '\u0000é😀' }]);
  await store.close();
  expect(readdirSync(folder).sort()).toEqual(['moonstead.db', 'moonstead.lock']);

  const { store: again, events } = await openHeard(folder);
  expect(await again.rings.read('r', 0, 1000)).toEqual([row(1), row(2, 'é😀\u0000')]);
  expect(await again.records.all('s')).toEqual([{ key: 'é😀\u0000', text: '\u0000é😀' }]);
  expect(events).toEqual([]);
  await again.close();
});

test('the folder is made 0700, every file in it 0600, whatever the umask', async () => {
  const folder = newFolder();
  const umask = process.umask(0);
  try {
    const store = await openSqliteStore({ folder });
    await store.rings.put('r', [row(1)], 8);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(folder)).toBe('700');
    const files = readdirSync(folder).sort();
    expect(files).toEqual(['moonstead.db', 'moonstead.db-wal', 'moonstead.lock']);
    expect(files.map((file) => mode(join(folder, file)))).toEqual(['600', '600', '600']);
    await store.close();
  } finally {
    process.umask(umask);
  }
});

describe('a corrupt file is moved aside, never deleted', () => {
  test('garbage all through', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, 'moonstead.db'), randomBytes(20_000));
    await expectMovedAside(folder, ['']);
  });

  test('a few bytes that are no database', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, 'moonstead.db'), 'hello');
    await expectMovedAside(folder, ['']);
  });

  test('a damaged header', async () => {
    const { folder, file } = await written(20);
    overwrite(file, 0, randomBytes(100));
    await expectMovedAside(folder, ['']);
  });

  test('a torn page in the middle', async () => {
    const { folder, file } = await written(60);
    overwrite(file, Math.floor(statSync(file).size / 2 / 4096) * 4096, randomBytes(2048));
    await expectMovedAside(folder, ['']);
  });

  test('a file cut off in the middle', async () => {
    const { folder, file } = await written(60);
    truncateSync(file, 4096 * 20);
    await expectMovedAside(folder, ['']);
  });

  test('with the log and the index of the log beside it', async () => {
    const { folder, file } = await written(20);
    writeFileSync(`${file}-wal`, randomBytes(9000));
    writeFileSync(`${file}-shm`, randomBytes(32_768));
    overwrite(file, 0, randomBytes(4096));
    await expectMovedAside(folder, ['', '-wal', '-shm']);
  });

  test('an empty file whose log is not empty', async () => {
    const { folder, file } = await written(1);
    truncateSync(file, 0);
    writeFileSync(`${file}-wal`, randomBytes(9000));
    await expectMovedAside(folder, ['', '-wal']);
  });

  test('twice, under two names', async () => {
    const { folder, file } = await written(1);
    overwrite(file, 0, Buffer.from('first'));
    await expectMovedAside(folder, ['']);
    overwrite(file, 0, Buffer.from('second'));
    await expectMovedAside(folder, ['']);
    const aside = readdirSync(folder).filter((name) => name.includes('corrupt'));
    const starts = aside.map((name) => readFileSync(join(folder, name), 'latin1').slice(0, 5));
    expect(starts.sort()).toEqual(['first', 'secon']);
  });
});

describe('the schema', () => {
  test('is brought up from an empty file of version 0', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    const path = join(folder, 'moonstead.db');
    new Database(path).close();
    const { store, events } = await openHeard(folder);
    await store.rings.put('r', [row(1)], 8);
    await store.close();
    expect(events).toEqual([]);
    const db = new Database(path);
    expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    expect(db.query('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
  });

  test('is brought up from version 1, with the rows that are there', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    const path = join(folder, 'moonstead.db');
    const old = new Database(path);
    old.run('PRAGMA journal_mode = WAL');
    old.run(`CREATE TABLE ring_rows (id INTEGER PRIMARY KEY, ring TEXT NOT NULL,
      position INTEGER NOT NULL, owner TEXT NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL
    ) STRICT`);
    const insert = old.query(`INSERT INTO ring_rows VALUES (?, 'r', ?, 'a key', 6, ?)`);
    for (const [id, position] of [3, 1, 2].entries()) {
      insert.run(id + 1, position, `text ${position}`);
    }
    old.run('PRAGMA user_version = 1');
    old.close();

    const { store, events } = await openHeard(folder);
    expect(await store.rings.read('r', 0, 1000)).toEqual([row(1), row(2), row(3)]);
    await store.rings.put('r', [row(4)], 3);
    await store.records.put('s', [{ key: 'a', text: 'new' }]);
    await store.close();
    expect(events).toEqual([]);

    const { store: again } = await openHeard(folder);
    expect(await again.rings.read('r', 0, 1000)).toEqual([row(2), row(3), row(4)]);
    expect(await again.records.all('s')).toEqual([{ key: 'a', text: 'new' }]);
    await again.close();
    const db = new Database(path);
    expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    db.close();
  });

  test('of a newer Moonstead is refused and left as it is', async () => {
    const { folder, file } = await written(2);
    const db = new Database(file);
    db.run('PRAGMA user_version = 999');
    db.close();
    const refused = await openSqliteStore({ folder }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreTooNew);
    expect((refused as Error).message).toContain('999');
    expect((refused as Error).message).toContain(folder);

    const older = new Database(file);
    expect(older.query('SELECT count(*) AS rows FROM ring_rows').get()).toEqual({ rows: 2 });
    older.run('PRAGMA user_version = 2');
    older.close();
    // The refusal let go of the lock.
    const { store } = await openHeard(folder);
    expect(await positionsOf(store, 'r')).toEqual([1, 2]);
    await store.close();
  });
});

test('a folder that cannot be used is an error that names it', async () => {
  const folder = newFolder();
  writeFileSync(folder, 'a file, not a folder');
  chmodSync(folder, 0o600);
  const refused = await openSqliteStore({ folder }).catch((error: unknown) => error);
  expect((refused as Error).message).toContain(folder);
});

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, at);
  writeFileSync(path, content);
}
