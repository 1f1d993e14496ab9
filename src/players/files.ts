import { type FileHandle, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files, WritableFile } from './transfer-ports.ts';

/** Calls of the system at a time, and so descriptors: a slow disk must not take every thread. */
const atOnce = 8;
/** Hashed in one go; a megabyte takes less than a millisecond. */
const pieceBytes = 256 * 1024;
const idPattern = /^[0-9a-f]{32}$/;

/**
 * The files of a folder, which is made if need be; what in it has no name of ours is left alone.
 * No file stays open between two calls, and nothing here blocks the event loop.
 */
export async function filesIn(folder: string): Promise<Files> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const inTurn = line(atOnce);
  const pathOf = (id: string) => {
    if (!idPattern.test(id)) throw new RangeError(`no id of a file: ${id}`);
    return join(folder, id);
  };

  return {
    write: (id, bytes) => inTurn(() => openToWrite(folder, pathOf(id), bytes, inTurn)),
    read: (id, offset, into) =>
      inTurn(() => withFile(pathOf(id), 'r', (file) => fill(file, offset, into))),
    remove: (id) =>
      inTurn(() =>
        unlink(pathOf(id)).catch((error) => {
          if (error.code !== 'ENOENT') throw error;
        }),
      ),
    async list() {
      const found = [];
      for (const id of await readdir(folder))
        if (idPattern.test(id)) found.push({ id, bytes: (await stat(pathOf(id))).size });
      return found;
    },
    freeBytes: () =>
      inTurn(async () => {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      }),
  };
}

type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>;

async function openToWrite(
  folder: string,
  path: string,
  bytes: number,
  inTurn: InTurn,
): Promise<WritableFile> {
  const hash = new Bun.CryptoHasher('sha256');
  await withFile(path, bytes === 0 ? 'wx' : 'r+', async (file) => {
    const piece = new Uint8Array(Math.min(pieceBytes, bytes));
    for (let at = 0; at < bytes; at += piece.length) {
      const part = piece.subarray(0, bytes - at);
      await fill(file, at, part);
      hash.update(part);
    }
    await file.truncate(bytes);
  });
  let end = bytes;
  // A file can survive power loss and its name not.
  let isNamed = bytes > 0;

  return {
    append: (parts) =>
      inTurn(() =>
        withFile(path, 'r+', async (file) => {
          for (const part of parts)
            for (let at = 0; at < part.length; at += pieceBytes) {
              const piece = part.subarray(at, at + pieceBytes);
              const written = writeAll(file, end, piece);
              hash.update(piece);
              await written;
              end += piece.length;
            }
        }),
      ),
    sync: () =>
      inTurn(async () => {
        await withFile(path, 'r+', (file) => file.sync());
        if (!isNamed) await withFile(folder, 'r', (itself) => itself.sync());
        isNamed = true;
      }),
    sha256: () => hash.digest('hex'),
  };
}

async function withFile<Value>(
  path: string,
  flags: string,
  act: (file: FileHandle) => Promise<Value>,
): Promise<Value> {
  const file = await open(path, flags, 0o600);
  try {
    return await act(file);
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, offset: number, into: Uint8Array): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await file.read(into, at, into.length - at, offset + at);
    if (bytesRead === 0) throw new Error(`the file ends at ${offset + at}`);
    at += bytesRead;
  }
}

async function writeAll(file: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, offset + at);
    at += bytesWritten;
  }
}

/** Lets so many work at a time; the others wait, first come first. */
function line(placesMax: number): InTurn {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (work) => {
    if (underWay >= placesMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes this place.
      const next = waiting.shift();
      if (next !== undefined) next();
      else underWay -= 1;
    }
  };
}
