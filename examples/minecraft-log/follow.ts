import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHead, type Place } from './place.ts';
import {
  isTruncated,
  lastLineStart,
  openReading,
  readingAt,
  takeLine,
  wholeLines,
  type Line,
  type Reading,
} from './reading.ts';

export interface FollowOptions {
  /** Where to begin; a place is one that an earlier run got with a line. */
  from: 'start' | 'end' | Place;
  pollMs: number;
  signal: AbortSignal;
  say: (text: string) => void;
}

/** A renamed file may still get the rest of a line: this many looks must find nothing new. */
const quietLooksMin = 2;

/**
 * The lines of a log as it grows, until `signal`, through rotations: renamed and recreated, or
 * truncated. A renamed file is read to its end before the new one. A line that was half written
 * when its file ended counts as it is. An item with an empty text says where a file was begun.
 */
export async function* follow(path: string, options: FollowOptions): AsyncGenerator<Line> {
  const { signal, pollMs } = options;
  let reading = await firstReading(path, options);
  while (!signal.aborted) {
    reading ??= await openReading(path);
    if (!reading) {
      await pause(pollMs, signal);
      continue;
    }
    try {
      yield { text: '', place: reading.place };
      yield* readToItsEnd(path, reading, options);
      if (reading.begunBytes > 0 && !signal.aborted) yield await takeLine(reading);
    } finally {
      await reading.file.close();
    }
    reading = undefined;
  }
}

/** Ends when the log goes on elsewhere: in another file, or in this one from its start. */
async function* readToItsEnd(
  path: string,
  reading: Reading,
  { signal, pollMs }: FollowOptions,
): AsyncGenerator<Line> {
  let quietLooks = 0;
  while (!signal.aborted) {
    // Before anything is read: what is there now may be another log's middle.
    if (await isTruncated(reading)) return;
    const before = reading.place.offset + reading.begunBytes;
    for await (const line of wholeLines(reading)) {
      yield line;
      if (signal.aborted) return;
    }
    const present = await stat(path).catch(() => undefined);
    const grown = reading.place.offset + reading.begunBytes > before;
    const elsewhere = present !== undefined && present.ino !== reading.place.inode;
    quietLooks = elsewhere && !grown ? quietLooks + 1 : 0;
    if (quietLooks >= quietLooksMin) return;
    await pause(pollMs, signal);
  }
}

async function firstReading(
  path: string,
  { from, say }: FollowOptions,
): Promise<Reading | undefined> {
  if (typeof from === 'object') {
    const found = await find(path, from);
    if (found) return found;
    say('the file of the saved place is gone; reading the present one from its start');
  }
  const reading = await openReading(path);
  if (!reading) say(`${path} does not exist yet; waiting for it`);
  if (!reading || from !== 'end') return reading;
  return readingAt(reading.file, await lastLineStart(reading.file));
}

/** The file of a saved place: the log itself, or one beside it when it was renamed meanwhile. */
async function find(path: string, place: Place): Promise<Reading | undefined> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const candidate of [path, ...names.map((name) => join(folder, name))]) {
    const info = await stat(candidate).catch(() => undefined);
    if (!info?.isFile() || info.ino !== place.inode || info.size < place.offset) continue;
    const file = await open(candidate, 'r');
    if ((await readHead(file, place.offset)) === place.head) return readingAt(file, place.offset);
    await file.close();
  }
  return undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
