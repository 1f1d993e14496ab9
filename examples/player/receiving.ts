import { createHash, type Hash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { labelOf, numbered, safeName } from './file-names.ts';
import { type Frame, readBytes } from './frames.ts';
import { shown } from './news.ts';
import type { Screen } from './screen.ts';

export interface ReceivingOptions {
  /** Where files go; made when the first one comes. */
  folder: string;
  screen: Pick<Screen, 'print' | 'progress' | 'over'>;
  /** Tells the server that we have a file: it deletes its own. */
  received: (transferId: string) => void;
}

/** A file that is coming. Its bytes are on disk under a name of ours until they are checked. */
interface Incoming {
  from: string;
  name: string;
  label: string;
  fileSize: number;
  sha256: unknown;
  part: string;
  descriptor: number;
  hash: Hash;
  bytes: number;
}

/** How many files are remembered to tell repeats; a reconnect repeats the newest. */
const keptMax = 10_000;
const idPattern = /^[0-9a-f]{32}$/;

/**
 * Saves what others send. A file that arrives broken, or cannot be saved, stays at the server, which
 * sends it again on the next connection.
 */
export function createReceiving({ folder, screen, received }: ReceivingOptions) {
  const incoming = new Map<string, Incoming>();
  const kept = new Set<string>();

  function begin({ transferId, fromUserId, fileName, fileSize, sha256 }: Frame): void {
    const id = String(transferId);
    if (!idPattern.test(id) || !Number.isSafeInteger(fileSize) || kept.has(id)) return;
    drop(id);
    const from = shown(fromUserId);
    const name = String(fileName);
    guarded(id, () => {
      mkdirSync(folder, { recursive: true });
      const part = join(folder, `.${id}.part`);
      incoming.set(id, {
        ...{ from, name, fileSize: fileSize as number, sha256, part, bytes: 0 },
        label: `from ${from}: ${labelOf(name)}`,
        descriptor: openSync(part, 'w'),
        hash: createHash('sha256'),
      });
    });
  }

  function onBytes(frame: Buffer): void {
    const { transferId: id, bytes } = readBytes(frame) ?? {};
    const file = incoming.get(id ?? '');
    if (id === undefined || bytes === undefined || file === undefined) return;
    if (file.bytes + bytes.length > file.fileSize) return fail(id, 'more bytes than announced');
    // In this very turn: a slow disk then slows the server down instead of filling our memory.
    guarded(id, () => {
      for (let at = 0; at < bytes.length;) at += writeSync(file.descriptor, bytes, at);
      file.hash.update(bytes);
      file.bytes += bytes.length;
      screen.progress(id, file.label, file.bytes, file.fileSize);
    });
  }

  function complete(id: string): void {
    // It came before, but the server did not hear that we have it.
    if (kept.has(id)) return received(id);
    const file = incoming.get(id);
    if (file === undefined) return;
    if (file.bytes < file.fileSize) return fail(id, 'fewer bytes than announced');
    if (file.hash.digest('hex') !== file.sha256) return fail(id, 'its SHA-256 is another');
    guarded(id, () => {
      fsyncSync(file.descriptor);
      const path = keep(file);
      drop(id);
      kept.add(id);
      if (kept.size > keptMax) for (const oldest of kept.values().take(1)) kept.delete(oldest);
      screen.print(`${file.label} is saved as ${shown(path)}`);
      received(id);
    });
  }

  /** Gives it a name that nobody has: nothing is ever overwritten. */
  function keep({ name, part }: Incoming): string {
    const wanted = safeName(name);
    for (let number = 1; ; number++) {
      const path = join(folder, numbered(wanted, number));
      try {
        closeSync(openSync(path, 'wx'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      renameSync(part, path);
      return path;
    }
  }

  function guarded(id: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      fail(id, (error as Error).message);
    }
  }

  function fail(id: string, why: string): void {
    const { label } = incoming.get(id) ?? { label: 'a file' };
    drop(id);
    screen.print(`${label} is not saved: ${shown(why)}`);
  }

  /** Forgets it, and what it has on disk under our name. */
  function drop(id: string): void {
    const file = incoming.get(id);
    if (file === undefined) return;
    incoming.delete(id);
    closeSync(file.descriptor);
    rmSync(file.part, { force: true });
    screen.over(id);
  }

  return {
    onFrame(frame: Frame): void {
      const id = String(frame.transferId);
      if (frame.type === 'file_send_begin') begin(frame);
      else if (frame.type === 'file_send_complete') complete(id);
      else if (frame.type === 'file_failed' && incoming.has(id)) fail(id, shown(frame.message));
    },
    onBytes,
    /** The server begins anew on the next connection. */
    disconnected(): void {
      for (const id of [...incoming.keys()]) drop(id);
    },
  };
}
