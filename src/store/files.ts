import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';

/**
 * Makes an empty file that only its owner may read, unless there is one. SQLite gives `-wal` the
 * mode of its database. An existing file is not opened: closing it would give back every lock that
 * this process holds on it (POSIX).
 */
export function createPrivateFile(path: string): void {
  if (existsSync(path)) return;
  closeSync(openSync(path, 'wx', 0o600));
}

/** 0 for a file that is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A name beside `path` that no file has, with the time in it. */
export function freeName(path: string, word: string): string {
  const stamp = new Date().toISOString().replaceAll(':', '-');
  for (let n = 1; ; n++) {
    const name = `${path}.${word}-${stamp}${n === 1 ? '' : `-${n}`}`;
    if (!existsSync(name) && !existsSync(`${name}-wal`)) return name;
  }
}

/** Renames a database and what SQLite keeps beside it; returns the new name of the database. */
export function moveAside(path: string): string {
  const aside = freeName(path, 'corrupt');
  for (const suffix of ['-wal', '-shm', '-journal', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
