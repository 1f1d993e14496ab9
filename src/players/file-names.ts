const bytesMax = 255;
const fallback = 'file';
/** A longer ending is no file type, and is cut like the rest. */
const endingBytesMax = 32;

/** Characters that control a terminal, break a line or change the direction of text (UAX 9). */
const invisible = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The name of a file as it may be shown and, by a careless client, written to disk: the last part of
 * a path, well-formed, without control and bidi characters, at most 255 bytes of UTF-8, never empty
 * and never only dots. For Windows, where its users are: no colon (a drive, a stream), no dot or
 * space at the end. Cutting keeps the ending.
 */
export function cleanFileName(name: string): string {
  const parts = name.toWellFormed().replace(invisible, '').replaceAll(':', '_').split(/[/\\]/);
  return shortened(parts.map(trimmed).findLast((part) => part !== '') ?? fallback);
}

function trimmed(part: string): string {
  let end = part.length;
  while (end > 0 && /[.\s]/.test(part[end - 1]!)) end -= 1;
  return part.slice(0, end).trimStart();
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= bytesMax) return name;
  const dot = name.lastIndexOf('.');
  const hasEnding = dot > 0 && Buffer.byteLength(name.slice(dot)) <= endingBytesMax;
  const ending = hasEnding ? name.slice(dot) : '';
  const stem = name.slice(0, name.length - ending.length);
  const room = new Uint8Array(bytesMax - Buffer.byteLength(ending));
  // Takes whole characters only.
  const { read } = new TextEncoder().encodeInto(stem, room);
  return trimmed(stem.slice(0, read)) + ending;
}
