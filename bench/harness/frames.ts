/** WebSocket frames by hand, as a client writes and reads them (RFC 6455, section 5). */

const textBytes = new TextEncoder();

/** One masked frame; `payload` up to 64 KiB. */
export function clientFrame(payload: string | Uint8Array, opcode = 1): Uint8Array {
  const body = typeof payload === 'string' ? textBytes.encode(payload) : payload;
  const head = body.length < 126 ? 6 : 8;
  const frame = new Uint8Array(head + body.length);
  frame[0] = 0x80 | opcode;
  if (head === 6) frame[1] = 0x80 | body.length;
  else frame.set([0x80 | 126, body.length >> 8, body.length & 255], 1);
  const mask = crypto.getRandomValues(new Uint8Array(4));
  frame.set(mask, head - 4);
  for (let i = 0; i < body.length; i++) frame[head + i] = body[i]! ^ mask[i & 3]!;
  return frame;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export interface FrameSink {
  /**
   * A piece of a data frame, `chunk[start..end)`; `last` ends a frame of `frameBytes` payload.
   * `opcode`: 1 for text, 2 for bytes.
   */
  data(
    chunk: Uint8Array,
    start: number,
    end: number,
    frameBytes: number,
    last: boolean,
    opcode: number,
  ): void;
  /** A whole ping, pong or close. */
  control(opcode: number, payload: Uint8Array): void;
}

/**
 * A reader of unmasked frames that never copies a data payload: it walks from header to header, so
 * that counting a delivery costs some ten nanoseconds. Frames may be cut anywhere between chunks.
 */
export function frameReader(sink: FrameSink): (chunk: Uint8Array) => void {
  let rest: Uint8Array | undefined; // a header, or a control frame, that is not whole yet
  let opcode = 0;
  let frameBytes = 0;
  let left = 0;

  return (chunk) => {
    if (rest !== undefined) {
      chunk = joined([rest, chunk]);
      rest = undefined;
    }
    const length = chunk.length;
    let at = 0;
    if (left > 0) {
      at = Math.min(left, length);
      left -= at;
      sink.data(chunk, 0, at, frameBytes, left === 0, opcode);
    }
    while (at < length) {
      const short = length - at < 2 ? 0 : chunk[at + 1]! & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (length - at < head) break;
      const kind = chunk[at]! & 15;
      frameBytes = short;
      if (head === 4) frameBytes = (chunk[at + 2]! << 8) | chunk[at + 3]!;
      if (head === 10) frameBytes = new DataView(chunk.buffer, chunk.byteOffset + at).getUint32(6);
      const start = at + head;
      const end = start + frameBytes;
      if (kind >= 8) {
        if (end > length) break;
        sink.control(kind, chunk.subarray(start, end));
        at = end;
      } else {
        opcode = kind;
        at = Math.min(end, length);
        left = end - at;
        if (at > start || frameBytes === 0)
          sink.data(chunk, start, at, frameBytes, left === 0, opcode);
      }
    }
    if (at < length) rest = chunk.slice(at);
  };
}
