import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { createPrivateFile } from './files.ts';

/** Another process, or another store of this one, holds the folder. */
export class StoreLocked extends Error {
  override name = 'StoreLocked';
}

/** Held here because a Database that nothing reaches is collected, and its lock goes with it. */
const held = new Set<Database>();

/**
 * Takes `moonstead.lock` in `folder` until the returned function is called, or the process ends in
 * whatever way. Throws StoreLocked when somebody else has it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'moonstead.lock');
  createPrivateFile(path);
  const lock = new Database(path);
  try {
    lock.run('PRAGMA busy_timeout = 0');
    // Nothing is ever written: no journal beside it.
    lock.run('PRAGMA journal_mode = MEMORY');
    lock.run('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'SQLITE_BUSY') throw new Error(`${path}: ${message}`);
    throw new StoreLocked(`${folder} is in use by another Moonstead: one process for a data_dir`);
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close(true);
  };
}
