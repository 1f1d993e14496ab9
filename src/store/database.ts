import { Database } from 'bun:sqlite';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateFile, freeName, moveAside, sizeOf } from './files.ts';
import { migrate } from './migrations.ts';
import { walDamage } from './wal.ts';

export const databaseName = 'moonstead.db';

/** Something the operator should read; the log line is made elsewhere. */
export interface StoreEvent {
  level: 'info' | 'error';
  event: string;
  [field: string]: unknown;
}

/**
 * Opens `moonstead.db` in `folder`, checked and brought to our schema. A corrupt file is moved
 * aside and a fresh one made. Throws StoreTooNew, or what SQLite said (no room, no permission).
 */
export function openDatabase(folder: string, onEvent: (event: StoreEvent) => void): Database {
  const path = join(folder, databaseName);
  let db = open(path);
  try {
    const reason = damageOf(db, path);
    if (reason !== undefined) {
      // Before the close: SQLite then sees that the file has moved and neither checkpoints into it
      // nor deletes its log.
      const movedTo = moveAside(path);
      db.close();
      onEvent({ level: 'error', event: 'store.corrupt', path, movedTo, reason });
      db = open(path);
    }
    copyDamagedWal(db, path, onEvent);
    db.run('PRAGMA journal_mode = WAL');
    db.run('PRAGMA synchronous = FULL');
    // A burst's log is cut back to this after its checkpoint.
    db.run('PRAGMA journal_size_limit = 16777216');
    migrate(db);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

function open(path: string): Database {
  createPrivateFile(path);
  const db = new Database(path, { strict: true });
  // Also keeps the index of the log in this process's memory: in a `-shm` file on a full disk it
  // would be a SIGBUS. It must come before the first read.
  db.run('PRAGMA locking_mode = EXCLUSIVE');
  return db;
}

/** Why the file cannot be trusted, or undefined. */
function damageOf(db: Database, path: string): string | undefined {
  // SQLite would take the log for a leftover and delete it.
  if (sizeOf(path) === 0 && sizeOf(`${path}-wal`) > 0) return 'the database is empty, its log not';
  try {
    const found = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check(3)').all();
    if (found.length === 1 && found[0]?.integrity_check === 'ok') return undefined;
    return found.map((row) => row.integrity_check).join('; ');
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code?.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return message;
    throw error;
  }
}

/** What SQLite could read of a damaged log is in the database; the rest is kept for a human. */
function copyDamagedWal(db: Database, path: string, onEvent: (event: StoreEvent) => void): void {
  const wal = `${path}-wal`;
  if (sizeOf(wal) === 0) return;
  // NOOP only counts the frames, so this needs no room on the disk.
  const found = db.query<{ log: number }, []>('PRAGMA wal_checkpoint(NOOP)').get();
  const reason = walDamage(readFileSync(wal), Math.max(0, found?.log ?? 0));
  if (reason === undefined) return;
  const copiedTo = `${freeName(path, 'corrupt')}-wal`;
  copyFileSync(wal, copiedTo);
  onEvent({ level: 'error', event: 'store.corrupt', path: wal, copiedTo, reason });
}
