import type { Arrived } from '../frames.ts';

/** `[channel] <name> text`, one line, nothing in it that a terminal would obey. */
export function lineOf({ channel_id, author, content }: Arrived): string {
  return harmless(`[${channel_id}] <${author.name ?? author.id}> ${content}`);
}

/** One JSON line; what a terminal would obey is written as `\u….`, so it means the same. */
export function jsonLineOf(message: Arrived): string {
  return JSON.stringify(message).replace(
    obeyed,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Control characters (so line breaks and escape sequences too) as their pictures (`␛`, `␊`), and
 * signs that turn the writing direction as `�`.
 */
export function harmless(text: string): string {
  return text.replace(obeyed, (char) => {
    const code = char.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** What a typed line asks for. */
export type Typed =
  | { do: 'send'; channel: string; text: string }
  | { do: 'choose'; channel: string }
  | { do: 'nothing'; hint?: string };

/**
 * Reads a typed line: `/channel 123` chooses where the following lines go (`/channel` alone: back
 * to none), `channel: text` says it at once while no channel is chosen.
 */
export function readTyped(line: string, chosen: string): Typed {
  const text = line.trim();
  if (text === '') return { do: 'nothing' };
  const command = /^\/channel(?:\s+(\S+))?$/.exec(text);
  if (command) return { do: 'choose', channel: command[1] ?? '' };
  if (chosen !== '') return { do: 'send', channel: chosen, text };
  const [, channel, said] = /^([^\s:]{1,128}):\s*(.+)$/.exec(text) ?? [];
  if (channel && said) return { do: 'send', channel, text: said };
  return { do: 'nothing', hint: 'type `channel: text`, or choose one with `/channel 123`' };
}
