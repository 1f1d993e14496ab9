/**
 * The longest command in bytes, with its newline: what a FIFO takes in one piece (PIPE_BUF) and a
 * terminal in one line.
 */
export const commandBytesMax = 4_096;

/** No name takes the room of the text. */
const nameCharsMax = 64;

/** Enough characters to fill a command; the rest is not even looked at. */
const textCharsMax = 4 * commandBytesMax;

/**
 * `tellraw @a {"text":"<name> text"}` and a newline: one line of printable characters, at most
 * `commandBytesMax` long, whatever the text says. Line breaks become spaces; control characters,
 * section signs (they would colour or fake) and signs that turn the writing direction go; what does
 * not fit is cut and marked with `…`. Undefined when nothing readable is left.
 */
export function tellraw(name: string, text: string): string | undefined {
  const words = readable(text);
  if (words === '') return undefined;
  const [before, after] = ['tellraw @a {"text":"', '"}\n'];
  const room = commandBytesMax - Buffer.byteLength(before) - Buffer.byteLength(after);
  const who = readable(name).slice(0, nameCharsMax).toWellFormed();
  return before + cut(`<${who}> ${words}`, room) + after;
}

function readable(text: string): string {
  return text
    .slice(0, textCharsMax)
    .toWellFormed()
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff§]/gu, '')
    .trim();
}

/** As much of `text` as fits into `bytesMax` bytes of a JSON string, without its quotes. */
function cut(text: string, bytesMax: number): string {
  const ellipsis = '…';
  let bytes = 0;
  let escaped = '';
  let fits = '';
  for (const char of text) {
    const piece = char === '"' || char === '\\' ? `\\${char}` : char;
    bytes += Buffer.byteLength(piece);
    if (bytes > bytesMax) return fits + ellipsis;
    escaped += piece;
    if (bytes <= bytesMax - Buffer.byteLength(ellipsis)) fits = escaped;
  }
  return escaped;
}
