import { spawnSync } from 'node:child_process';
import { readSync } from 'node:fs';
import { join } from 'node:path';

/** A new FIFO in `folder`. */
export function makeFifo(folder: string): string {
  const path = join(folder, 'fifo');
  const { status } = spawnSync('mkfifo', [path]);
  if (status !== 0) throw new Error('mkfifo failed');
  return path;
}

/** Reads what a FIFO has, from a descriptor that does not block. 0 bytes when it has nothing. */
export function readNow(fifo: number, bytes: Buffer): number {
  try {
    return readSync(fifo, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}
