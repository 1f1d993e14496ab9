import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { readText } from '../src/http-body.ts';

const limits = { bytesMax: 100, timeoutMs: 1_000 };
let server: Bun.Server<undefined>;

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => Response.json(await readText(request, limits)),
  });
});

afterAll(() => server.stop(true));

/** What is read of these bytes, sent with their length or in one chunk. */
function read(bytes: Buffer, how: 'length' | 'chunks'): Promise<unknown> {
  const head = how === 'length' ? `Content-Length: ${bytes.length}` : 'Transfer-Encoding: chunked';
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(server.port!, '127.0.0.1')
      .on('data', (more) => {
        answer += more;
        const body = answer.indexOf('\r\n\r\n') + 4;
        if (body < 4 || answer.length === body) return;
        socket.destroy();
        resolve(JSON.parse(answer.slice(body)));
      })
      .on('error', reject);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
    if (how === 'chunks') socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    if (how === 'chunks') socket.write('\r\n0\r\n\r\n');
  });
}

describe.each(['length', 'chunks'] as const)('a body with %s', (how) => {
  test.each(['plain', 'é€😀', 'a \uFFFD of its own', '\uFFFD😀\uFFFD', '\u0000'])(
    'of %j is read as it is',
    async (text) => {
      expect(await read(Buffer.from(text), how)).toBe(text);
    },
  );

  test.each(['ff', '61c3', 'e282', 'c080', 'eda080', '80', 'efbfbdff', 'f09f', 'f4908080'])(
    'of %s is not UTF-8',
    async (hex) => {
      expect(await read(Buffer.from(hex, 'hex'), how)).toEqual({ problem: 'notUtf8' });
    },
  );

  test('may have so many bytes, and not one more', async () => {
    expect(await read(Buffer.from('é'.repeat(50)), how)).toBe('é'.repeat(50));
    expect(await read(Buffer.alloc(101, 'x'), how)).toEqual({ problem: 'tooLarge' });
  });
});

test('three bytes of four pass as U+FFFD where the body says its length', async () => {
  const damaged = Buffer.from('f09f9861', 'hex');
  expect(await read(damaged, 'length')).toBe('\uFFFDa');
  expect(await read(damaged, 'chunks')).toEqual({ problem: 'notUtf8' });
});
