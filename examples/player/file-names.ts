import { harmless } from '../console-bot/terminal.ts';

const bytesMax = 200;
const fallback = 'file';

/** What a folder of some system does not take in a name, or gives a meaning of its own. */
const unfit = /[<>:"|?*\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const devices = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

/**
 * A name for a file on our disk, of what somebody else calls theirs: no path, no control or bidi
 * characters, not hidden, no device of Windows, at most 200 bytes of UTF-8, never empty.
 */
export function safeName(label: string): string {
  const last = label.split(/[/\\]/).findLast((part) => /[^.\s]/.test(part)) ?? fallback;
  const plain = last.replace(unfit, '_').replace(/^[.\s]+|[.\s]+$/g, '');
  return shortened(plain.replace(devices, '_$1') || fallback);
}

/** `name`, then `name (2)` and so on, before the ending. */
export function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.');
  const at = dot > 0 ? dot : name.length;
  return number === 1 ? name : `${name.slice(0, at)} (${number})${name.slice(at)}`;
}

/** A name as it is printed: short, and nothing that a terminal would obey. */
export function labelOf(name: string): string {
  const chars = [...harmless(name)];
  return chars.length > 30 ? `${chars.slice(0, 29).join('')}…` : chars.join('');
}

function shortened(name: string): string {
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && name.length - dot <= 10 ? name.slice(dot) : '';
  const room = new Uint8Array(bytesMax - Buffer.byteLength(ending));
  const stem = name.slice(0, name.length - ending.length);
  // Takes whole characters only.
  const { read } = new TextEncoder().encodeInto(stem, room);
  return stem.slice(0, read) + ending;
}
