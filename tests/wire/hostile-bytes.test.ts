import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { chat, key, said, startHardened, unharmed, Visitors } from '../support/hostile.ts';
import { type Moonstead, until } from '../support/moonstead.ts';
import { closeFrame, frame, opcodes, RawClient } from '../support/raw.ts';
import { modMessage } from '../support/relay-client.ts';

let server: Moonstead;
const visitors = new Visitors();

beforeAll(async () => {
  server = await startHardened();
});

afterEach(async () => {
  visitors.leave();
  await unharmed(server);
});

afterAll(() => server.stop());

const bodyBytes = 2 * 1024 * 1024;

/** A text frame's worth of a valid message, of exactly so many bytes. */
function ofBytes(bytes: number): string {
  const text = JSON.stringify(modMessage('big', chat));
  return text.replace(chat, chat + 'x'.repeat(bytes - text.length));
}

const control = (opcode: number, bytes: number, fin = true) =>
  frame('x'.repeat(bytes), { opcode, fin });

test.each<[string, number, Uint8Array[]]>([
  ['an unmasked frame', 1002, [frame(said, { masked: false })]],
  ...[3, 7, 11, 15].map((opcode): [string, number, Uint8Array[]] => [
    `reserved opcode ${opcode}`,
    1002,
    [frame(said, { opcode })],
  ]),
  ['RSV1, with no extension agreed', 1002, [frame(said, { rsv: 4 })]],
  ['RSV2', 1002, [frame(said, { rsv: 2 })]],
  ['RSV3', 1002, [frame(said, { rsv: 1 })]],
  ['a continuation of nothing', 1002, [frame(said, { opcode: opcodes.continuation })]],
  ['a message inside a message', 1002, [frame(said, { fin: false }), frame(said)]],
  ['a ping of 126 bytes', 1002, [control(opcodes.ping, 126)]],
  ['a pong of 126 bytes', 1002, [control(opcodes.pong, 126)]],
  ['a ping in fragments', 1002, [control(opcodes.ping, 1, false)]],
  ['a close frame in fragments', 1002, [control(opcodes.close, 2, false)]],
  ['a close frame of one byte', 1002, [control(opcodes.close, 1)]],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535].map(
    (code): [string, number, Uint8Array[]] => [`close code ${code}`, 1002, [closeFrame(code)]],
  ),
  ['a close reason in bad UTF-8', 1007, [frame([3, 232, 255], { opcode: opcodes.close })]],
  ['bad UTF-8', 1007, [frame([0x22, 0xff, 0x22])]],
  ['a surrogate in UTF-8', 1007, [frame([0x22, 0xed, 0xa0, 0x80, 0x22])]],
  ['UTF-8 longer than needed', 1007, [frame([0x22, 0xc0, 0xaf, 0x22])]],
  [
    'UTF-8 that is cut in the last fragment',
    1007,
    [frame([0x22, 0xc3], { fin: false }), frame([0x22], { opcode: opcodes.continuation })],
  ],
  ['one byte too many', 1009, [frame(ofBytes(bodyBytes + 1))]],
  ['one byte too many, in a binary frame', 1009, [frame(ofBytes(bodyBytes + 1), { opcode: 2 })]],
  ['only the length of one too large', 1009, [frame('x', { length: bodyBytes + 1 })]],
  ['a length of 2^63', 1009, [frame('x', { lengthBytes: 8, length: 1n << 63n })]],
  ['a length of 2^64 - 1', 1009, [frame('x', { lengthBytes: 8, length: (1n << 64n) - 1n })]],
  [
    'one byte too many, in fragments',
    1009,
    [
      frame('x'.repeat(bodyBytes), { fin: false }),
      frame('x', { opcode: opcodes.continuation, fin: false }),
    ],
  ],
])('%s: closed with %i, and nothing of it counts', async (_name, code, bytes) => {
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  mod.write(...bytes);
  expect((await mod.end())?.code).toBe(code);
  expect(mod.texts).toHaveLength(1);
});

test.each<[string, Uint8Array[]]>([
  ['exactly body_size', [frame(ofBytes(bodyBytes))]],
  [
    'exactly body_size in fragments with a ping between',
    [
      frame(ofBytes(bodyBytes).slice(0, 1_000_000), { fin: false }),
      frame('between', { opcode: opcodes.ping }),
      frame(ofBytes(bodyBytes).slice(1_000_000), { opcode: opcodes.continuation }),
    ],
  ],
  ['a length in more bytes than needed', [frame(ofBytes(100 + said.length), { lengthBytes: 8 })]],
])('%s is taken', async (_name, bytes) => {
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  mod.write(...bytes);
  expect(await mod.next()).toEqual({ status: 'queued', type: 'mod', msg_id: 'big' });
});

test('a thousand tiny frames in one packet are answered each, in order', async () => {
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  const all = Array.from({ length: 1000 }, (_, i) => i);
  mod.write(
    ...all.map((i) => frame(i % 3 === 0 ? `{"msg_id":"t${i}"}` : said.replace('"m"', `"t${i}"`))),
  );
  await until('all answers', () => mod.texts.length === 1001);
  expect(
    mod.frames.slice(1).map(({ msg_id: id, status, code }) => `${id} ${status ?? code}`),
  ).toEqual(all.map((i) => `t${i} ${i % 3 === 0 ? 400 : 'queued'}`));
});

test('a frame that comes byte by byte is one frame', async () => {
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  mod.socket.setNoDelay(true);
  for (const byte of frame(said)) {
    mod.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await mod.next()).toMatchObject({ status: 'queued', msg_id: 'm' });
});

test.each<[string, string, number]>([
  ['garbage', '\0\x01\x02 garbage\r\n\r\n', 400],
  ['a TLS greeting', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 400],
  [
    'a header of 200 KB',
    `GET /sync HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`,
    431,
  ],
  ['1,000 headers', `GET /sync HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(1000)}\r\n`, 431],
  ['no Host', 'GET /sync HTTP/1.1\r\nUpgrade: websocket\r\n\r\n', 400],
])('%s instead of an upgrade is refused and ended', async (_name, text, status) => {
  const client = await visitors.add(RawClient.connect(server.port));
  client.write(text);
  await client.end();
  expect(client.status).toBe(status);
});

test.each<[string, Record<string, string | undefined>, number]>([
  ['Sec-WebSocket-Version: 12', { 'Sec-WebSocket-Version': '12' }, 426],
  ['no Sec-WebSocket-Version', { 'Sec-WebSocket-Version': undefined }, 426],
  ['no Sec-WebSocket-Key', { 'Sec-WebSocket-Key': undefined }, 400],
  ['a short Sec-WebSocket-Key', { 'Sec-WebSocket-Key': 'abc' }, 400],
])('an upgrade with %s is refused', async (_name, headers, status) => {
  const client = await visitors.add(RawClient.ask(server.port, { key, headers }));
  expect(client.status).toBe(status);
  if (status === 426) expect(client.head).toMatch(/^Sec-WebSocket-Version: 13$/m);
});
