import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Where in which file the reading is: `offset` bytes are done, in the file with this `inode`. */
export interface Place {
  inode: number;
  offset: number;
  /** Hash of the first bytes (as many as `offset`, at most 256): inodes are used again. */
  head: string;
}

const headBytesMax = 256;

/**
 * The hash of the first bytes of a file, for a reader that has read `offset` of them. An earlier
 * place in the same file that has them all spares the look.
 */
export async function readHead(file: FileHandle, offset: number, earlier?: Place): Promise<string> {
  if (earlier && earlier.offset >= headBytesMax) return earlier.head;
  const bytes = Buffer.alloc(Math.min(offset, headBytesMax));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  return createHash('sha256').update(bytes.subarray(0, bytesRead)).digest('base64url');
}

/** Undefined when there is no such file yet; throws when it holds something else. */
export function loadPlace(path: string): Place | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { inode, offset, head } = JSON.parse(text) as Partial<Place>;
    const inBytes = Number.isSafeInteger(offset) && offset! >= 0;
    if (inBytes && typeof inode === 'number' && typeof head === 'string') {
      return { inode, offset: offset!, head };
    }
  } catch {}
  throw new Error(`${path} holds no place in a log; remove it to begin anew`);
}

/** Replaces the file in one step: a crash leaves the old place or the new one. */
export function savePlace(path: string, place: Place): void {
  writeFileSync(`${path}.new`, JSON.stringify(place), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
