import { voidRun } from '../harness/void-run.ts';

/**
 * Cuts the bytes of one connection into HTTP messages, requests or answers, with a length or in
 * chunks. Anything else voids the run. Texts are latin1: a character is a byte.
 */
export function httpReader(take: (head: string, body: string) => void): (bytes: Buffer) => void {
  let text = '';
  return (bytes) => {
    text += bytes.toString('latin1');
    for (let at = text.indexOf('\r\n\r\n'); at >= 0; at = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, at + 2);
      const message = bodyAt(text, at + 4, head);
      if (message === undefined) return;
      text = text.slice(message.end);
      take(head, message.body);
    }
  };
}

/** The value of a field of a head. */
export function field(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: *([^\r]*)\r\n`, 'i').exec(head)?.[1];
}

const contentLength = /\r\ncontent-length: *(\d+)\r\n/i;
const chunkedCoding = /\r\ntransfer-encoding: *chunked\r\n/i;

/** The body that starts there and where it ends; undefined: not all of it has come. */
function bodyAt(text: string, start: number, head: string) {
  const length = contentLength.exec(head)?.[1];
  if (length !== undefined) {
    const end = start + Number(length);
    return end > text.length ? undefined : { body: text.slice(start, end), end };
  }
  if (!chunkedCoding.test(head)) voidRun(`neither a length nor chunks: ${head}`);
  for (let joined = '', at = start; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (end > text.length) return undefined;
    if (size === 0) return { body: joined, end };
    joined += text.slice(lineEnd + 2, end - 2);
    at = end;
  }
}
