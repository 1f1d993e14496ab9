import { afterEach, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { HttpCalls } from '../../src/tasks/calls.ts';
import type { CallFailure, Outgoing } from '../../src/tasks/link.ts';
import type { WorkerAnswer } from '../../src/tasks/messages.ts';
import { until } from '../support/moonstead.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function makeCalls(connectTimeoutMs = 2_000) {
  const calls = new HttpCalls({ body: 'wrapped', connectTimeoutMs });
  closers.push(() => calls.close());
  return calls;
}

/** A worker of bytes: `answer` is called with each request that is whole. */
async function worker(answer: (socket: Socket, request: string, connection: number) => void) {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    const connection = sockets.length;
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      const end = text.indexOf('\r\n\r\n') + 4;
      if (end < 4 || Buffer.byteLength(text) < end + length) return;
      const request = text;
      text = '';
      answer(socket, request, connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { sockets, port: (server.address() as { port: number }).port };
}

interface Ended {
  answer?: WorkerAnswer;
  /** Its body, read as it comes: what nobody reads is not asked for. */
  text?: Promise<string>;
  failure?: CallFailure;
}

const task: Outgoing = {
  taskId: 't1',
  attempt: 2,
  deadlineWallMs: Date.parse('2026-01-01T00:00:00Z'),
  payload: '{"a":1}',
  acceptEncoding: undefined,
};

/** Sends the task; resolves when the call is over. */
function send(calls: HttpCalls, port: number, more: Partial<Outgoing> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const ended: Ended = {};
    calls.link('127.0.0.1', port).send(
      { ...task, ...more },
      {
        answered(answer) {
          ended.answer = answer;
          ended.text = new Response(answer.body).text();
          ended.text.catch(() => {});
        },
        moved() {},
        ended: () => resolve(ended),
        failed: (failure) => resolve({ ...ended, failure }),
      },
    );
  });
}

test('the request is what a worker expects', async () => {
  const seen: string[] = [];
  const { port } = await worker((socket, request) => {
    seen.push(request);
    socket.write(ok);
  });
  const calls = makeCalls();
  await send(calls, port);
  await send(calls, port, { acceptEncoding: 'gzip, br', payload: '"é"' });
  const head = (encoding: string, length: number) =>
    `POST /work HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${length}\r\nAccept-Encoding: ${encoding}\r\nX-Task-Id: t1\r\n` +
    'X-Task-Attempt: 2\r\nX-Task-Deadline: 2026-01-01T00:00:00.000Z\r\n\r\n';
  expect(seen).toEqual([
    `${head('identity', 19)}{"payload":{"a":1}}`,
    `${head('gzip, br', 16)}{"payload":"é"}`,
  ]);
});

describe('connections', () => {
  test('are used again, one task at a time', async () => {
    const seen: number[] = [];
    const { port } = await worker((socket, _, connection) => {
      seen.push(connection);
      setTimeout(() => socket.write(ok), 20);
    });
    const calls = makeCalls();
    await Promise.all([send(calls, port), send(calls, port)]);
    await Promise.all([send(calls, port), send(calls, port)]);
    await send(calls, port);
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    expect(seen).toHaveLength(5);
  });

  test.each([
    ['a server that closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [
      'one that idles too shortly',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok',
    ],
    ['more than was asked for', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`],
    ['bytes behind the answer', `${ok}garbage`],
  ])('are not used again after %s', async (_, answer) => {
    const seen: number[] = [];
    const { port } = await worker((socket, _request, connection) => {
      seen.push(connection);
      socket.write(answer);
    });
    const calls = makeCalls();
    for (let n = 0; n < 2; n++) {
      expect(await (await send(calls, port)).text).toBe('ok');
    }
    expect(seen).toEqual([1, 2]);
  });

  test('that speak while they idle are dropped, with what they said', async () => {
    const { port, sockets } = await worker((socket) => socket.write(ok));
    const calls = makeCalls();
    await send(calls, port);
    sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await until('the end of the first', () => sockets[0]!.destroyed);
    expect(await (await send(calls, port)).text).toBe('ok');
  });

  test('that idle are closed after a second and a half', async () => {
    const { port, sockets } = await worker((socket) => socket.write(ok));
    await send(makeCalls(), port);
    await until('the end', () => sockets[0]!.destroyed, 5_000);
  });

  test('that turn out to be closed cost the call: nothing is sent a second time', async () => {
    let requests = 0;
    const { port } = await worker((socket) => {
      requests += 1;
      if (requests === 1) socket.write(ok);
      else socket.destroy();
    });
    const calls = makeCalls();
    await send(calls, port);
    expect(await send(calls, port)).toEqual({ failure: { kind: 'closed' } });
    expect(requests).toBe(2);
  });

  test('that nobody accepts fail after connect_timeout, and free their descriptor', async () => {
    // A backlog of one that is full: the kernel lets further connections hang.
    const deaf = Bun.spawn(
      [
        'node',
        '-e',
        `const s = require('net').createServer();
         s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
           console.log(s.address().port);
           Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20000);
         });`,
      ],
      { stdout: 'pipe' },
    );
    closers.push(() => deaf.kill());
    const { value } = await deaf.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    const fill = makeCalls(20_000);
    for (let n = 0; n < 4; n++) void send(fill, port);
    const calls = makeCalls(100);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    await until('a call that hangs', async () => (await send(calls, port)).failure);
    const before = descriptors();
    const all = await Promise.all(Array.from({ length: 20 }, () => send(calls, port)));
    expect(all).toEqual(Array(20).fill({ failure: { kind: 'closed' } }));
    await until('their descriptors', () => descriptors() <= before);
  });
});

describe('answers that are none', () => {
  test.each([
    ['', 'closed', undefined],
    ['HTTP/1.1 2', 'garbled', 'closed within the head'],
    ['SSH-2.0-OpenSSH\r\n', 'garbled', 'not HTTP/1.1: HPE_INVALID_CONSTANT'],
    ['HTTP/1.1 999 ?\r\n\r\n', 'garbled', 'status 999'],
    ['HTTP/1.1 304 ?\r\n\r\n', 'garbled', 'status 304'],
    ['HTTP/1.1 101 ?\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'garbled', 'status 101'],
    ['HTTP/1.1 100 Continue\r\n\r\n', 'garbled', 'closed within the head'],
    [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
      'garbled',
      'not HTTP/1.1: HPE_UNEXPECTED_CONTENT_LENGTH',
    ],
    [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok',
      'garbled',
      'not HTTP/1.1: HPE_INVALID_TRANSFER_ENCODING',
    ],
    [
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
      'garbled',
      'not HTTP/1.1: HPE_HEADER_OVERFLOW',
    ],
  ])('%.60j', async (bytes, kind, detail) => {
    const { port } = await worker((socket) => socket.end(bytes));
    expect(await send(makeCalls(), port)).toEqual({ failure: { kind, detail } as CallFailure });
  });

  test.each([
    ['too short', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
    ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['bad chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n'],
  ])('a body that is %s breaks', async (_, bytes) => {
    const { port } = await worker((socket) => {
      socket.write(bytes.slice(0, -6));
      setTimeout(() => socket.end(bytes.slice(-6)), 30);
    });
    const { text, failure } = await send(makeCalls(), port);
    expect(failure).toEqual({ kind: 'broken' });
    await expect(text).rejects.toThrow();
  });

  test('one without a length ends with its connection, but not with a reset', async () => {
    for (const end of ['end', 'resetAndDestroy'] as const) {
      const { port } = await worker((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nall of it');
        setTimeout(() => socket[end](), 30);
      });
      const { text, failure } = await send(makeCalls(), port);
      if (end === 'end') expect(await text).toBe('all of it');
      else await expect(text).rejects.toThrow();
      expect(failure).toEqual(end === 'end' ? undefined : ({ kind: 'broken' } as never));
    }
  });

  test('1xx before an answer is passed over', async () => {
    const { port } = await worker((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n');
      setTimeout(() => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${ok}`), 10);
    });
    const { answer } = await send(makeCalls(), port);
    expect(answer).toMatchObject({ status: 200, headers: [] });
  });
});

describe('GET /health', () => {
  test.each([
    ['HTTP/1.1 204 No Content\r\n\r\n', true],
    [ok, true],
    ['HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n', false],
    ['HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n', false],
    ['garbage\r\n\r\n', false],
  ])('%j: %p', async (bytes, isWell) => {
    const seen: string[] = [];
    const { port } = await worker((socket, request) => {
      seen.push(request);
      socket.end(bytes);
    });
    expect(await makeCalls().check(`127.0.0.1:${port}`, 5_000)).toBe(isWell);
    expect(seen[0]).toStartWith('GET /health HTTP/1.1\r\n');
  });

  test('no answer in time, or nobody there, is not well', async () => {
    const { port } = await worker(() => {});
    expect(await makeCalls().check(`127.0.0.1:${port}`, 50)).toBeFalse();
    expect(await makeCalls().check('127.0.0.1:1', 5_000)).toBeFalse();
  });
});
