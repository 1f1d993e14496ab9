import { expect, test } from 'bun:test';
import { clientFrame, frameReader, joined } from '../../bench/harness/frames.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** A frame as a server sends it: not masked. */
function serverFrame(payload: Uint8Array, opcode: number): Uint8Array {
  const head =
    payload.length < 126
      ? [0x80 | opcode, payload.length]
      : [0x80 | opcode, 126, payload.length >> 8, payload.length & 255];
  return joined([new Uint8Array(head), payload]);
}

function readAll(chunks: readonly Uint8Array[]) {
  const seen: string[] = [];
  let text = '';
  const read = frameReader({
    data(chunk, start, end, frameBytes, last) {
      text += Buffer.from(chunk.subarray(start, end)).toString();
      if (!last) return;
      seen.push(`${frameBytes} ${text}`);
      text = '';
    },
    control: (opcode, payload) => seen.push(`${opcode}:${Buffer.from(payload)}`),
  });
  chunks.forEach(read);
  return seen;
}

test('frames are read the same wherever the stream is cut', () => {
  const long = 'x'.repeat(300);
  const stream = joined([
    serverFrame(bytes('small'), 1),
    serverFrame(bytes('42'), 9),
    serverFrame(bytes(long), 1),
    serverFrame(bytes(''), 1),
    serverFrame(bytes(''), 9),
    serverFrame(bytes('last'), 1),
  ]);
  const whole = ['5 small', '9:42', `300 ${long}`, '0 ', '9:', '4 last'];
  for (let cut = 0; cut <= stream.length; cut++) {
    expect(readAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
  }
  expect(readAll(Array.from(stream, (byte) => new Uint8Array([byte])))).toEqual(whole);
});

test('a written frame is masked and carries its text', () => {
  for (const text of ['', 'hello', 'y'.repeat(125), 'y'.repeat(126), 'z'.repeat(60_000)]) {
    const frame = clientFrame(text);
    const head = text.length < 126 ? 6 : 8;
    expect(frame[0]).toBe(0x81);
    expect(frame[1]! & 0x80).toBe(0x80);
    const mask = frame.subarray(head - 4, head);
    const body = frame.subarray(head).map((byte, n) => byte ^ mask[n & 3]!);
    expect(Buffer.from(body).toString()).toBe(text);
  }
});
