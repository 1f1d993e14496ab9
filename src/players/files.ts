import { type FileHandle, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Handles } from './transfer-handles.ts';
import type { Files, WritableFile } from './transfer-ports.ts';

/** Calls of the system at a time: a slow disk must not take every thread. */
const atOnce = 8;
/** Descriptors that are open between two calls, and how often is looked for those not used. */
const openMax = 16;
const idleMs = 1_000;
/** Written in one call and hashed in one go; a megabyte takes less than a millisecond. */
const pieceBytes = 256 * 1024;
const idPattern = /^[0-9a-f]{32}$/;

/**
 * The files of a folder, which is made if need be; what in it has no name of ours is left alone.
 * A few files stay open for a moment, and nothing here blocks the event loop.
 */
export async function filesIn(folder: string): Promise<Files> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const inTurn = line(atOnce);
  const pathOf = (id: string) => {
    if (!idPattern.test(id)) throw new RangeError(`no id of a file: ${id}`);
    return join(folder, id);
  };
  const handles = new Handles<FileHandle>(
    {
      open: (id) => open(pathOf(id), 'r+'),
      later: (fn) => void setTimeout(fn, idleMs).unref(),
    },
    openMax,
  );
  const make = (id: string) => open(pathOf(id), 'wx+', 0o600);
  const withFile: WithFile = (id, act) => inTurn(() => handles.use(id, act));

  return {
    async write(id, bytes) {
      const hash = new Bun.CryptoHasher('sha256');
      if (bytes > 0) await withFile(id, (file) => takeUp(file, bytes, hash));
      // A file of that name that is open already is there already.
      else
        await inTurn(async () => (await handles.drop(id), handles.use(id, async () => {}, make)));
      return writable(id, bytes, hash, folder, withFile);
    },
    read: (id, offset, into) => withFile(id, (file) => fill(file, offset, into)),
    remove: (id) =>
      inTurn(async () => {
        await handles.drop(id);
        await unlink(pathOf(id)).catch((error) => {
          if (error.code !== 'ENOENT') throw error;
        });
      }),
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
type WithFile = (id: string, act: (file: FileHandle) => Promise<void>) => Promise<void>;

/** Hashes the first `bytes` of a file, and cuts off what is beyond. */
async function takeUp(file: FileHandle, bytes: number, hash: Bun.CryptoHasher): Promise<void> {
  const piece = new Uint8Array(Math.min(pieceBytes, bytes));
  for (let at = 0; at < bytes; at += piece.length) {
    const part = piece.subarray(0, bytes - at);
    await fill(file, at, part);
    hash.update(part);
  }
  await file.truncate(bytes);
}

function writable(
  id: string,
  bytes: number,
  hash: Bun.CryptoHasher,
  folder: string,
  withFile: WithFile,
): WritableFile {
  let end = bytes;
  // A file can survive power loss and its name not.
  let isNamed = bytes > 0;

  return {
    append: (parts) =>
      withFile(id, async (file) => {
        for (const part of parts)
          for (let at = 0; at < part.length; at += pieceBytes) {
            const piece = part.subarray(at, at + pieceBytes);
            const written = writeAll(file, end, piece);
            hash.update(piece);
            await written;
            end += piece.length;
          }
      }),
    sync: () =>
      withFile(id, async (file) => {
        await file.sync();
        // Whoever has it open still writes to a file that was removed, but nobody finds it.
        if ((await file.stat()).nlink === 0) throw new Error('the file was removed');
        if (!isNamed) await syncFolder(folder);
        isNamed = true;
      }),
    sha256: () => hash.digest('hex'),
  };
}

async function syncFolder(folder: string): Promise<void> {
  const itself = await open(folder, 'r');
  try {
    await itself.sync();
  } finally {
    await itself.close();
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
