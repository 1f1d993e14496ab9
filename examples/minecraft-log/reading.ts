import { open, type FileHandle } from 'node:fs/promises';
import { readHead, type Place } from './place.ts';

/** One line without its end; longer ones are cut after 64 KiB. */
export interface Line {
  text: string;
  /** Where to go on when this line is done. */
  place: Place;
}

/** A log file that is open, and how far it has been read. */
export interface Reading {
  file: FileHandle;
  /** Up to the end of the last whole line. */
  place: Place;
  /** The line that has begun: its bytes as far as they are kept, and how many it has. */
  begun: Buffer[];
  begunBytes: number;
}

const lineBytesMax = 65_536;
const chunkBytes = 65_536;
const newline = 10;

/** Undefined when there is no such file. */
export async function openReading(path: string): Promise<Reading | undefined> {
  try {
    const file = await open(path, 'r');
    return await readingAt(file, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function readingAt(file: FileHandle, offset: number): Promise<Reading> {
  const { ino } = await file.stat();
  const place = { inode: ino, offset, head: await readHead(file, offset) };
  return { file, place, begun: [], begunBytes: 0 };
}

/** Every whole line from where the reading is to the end of the file. */
export async function* wholeLines(reading: Reading): AsyncGenerator<Line> {
  const chunk = Buffer.alloc(chunkBytes);
  while (true) {
    const position = reading.place.offset + reading.begunBytes;
    const { bytesRead } = await reading.file.read(chunk, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    let rest = chunk.subarray(0, bytesRead);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      begin(reading, rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
      yield await takeLine(reading);
    }
    begin(reading, rest);
  }
}

/** The begun line as if it had ended here. */
export async function takeLine(reading: Reading): Promise<Line> {
  const { file, place, begun, begunBytes } = reading;
  const text = Buffer.concat(begun)
    .toString()
    .replace(/\r?\n$/, '');
  const offset = place.offset + begunBytes;
  reading.place = { ...place, offset, head: await readHead(file, offset, place) };
  reading.begun = [];
  reading.begunBytes = 0;
  return { text, place: reading.place };
}

function begin(reading: Reading, bytes: Buffer): void {
  const room = Math.max(0, lineBytesMax - reading.begunBytes);
  // A copy: the chunk is used again.
  if (room > 0 && bytes.length > 0) reading.begun.push(Buffer.from(bytes.subarray(0, room)));
  reading.begunBytes += bytes.length;
}

/** Whether what has been read is no longer what the file holds: it was emptied and begun anew. */
export async function isTruncated({ file, place, begunBytes }: Reading): Promise<boolean> {
  const { size } = await file.stat();
  return size < place.offset + begunBytes || (await readHead(file, place.offset)) !== place.head;
}

/** Where a last line begins that has no end yet; else the size. */
export async function lastLineStart(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, lineBytesMax));
  await file.read(tail, 0, tail.length, size - tail.length);
  return size - tail.length + tail.lastIndexOf(newline) + 1;
}
