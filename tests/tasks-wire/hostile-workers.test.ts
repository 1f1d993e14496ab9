import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Answering } from '../support/http-worker.ts';
import { until } from '../support/moonstead.ts';
import { answerJson, noise, Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const mib = 1024 ** 2;
const stage = new Stage();

beforeAll(() => stage.start({ answer_timeout: '500ms' }));
afterEach(() => stage.clear());
afterAll(async () => {
  await stage.stillServes();
  await stage.stop();
});

const ok = 'HTTP/1.1 200 OK\r\n';

describe('what is no HTTP is answered with 502, and tried on no other worker:', () => {
  test.each<[string, string | Uint8Array]>([
    ['a greeting of SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['noise', Buffer.concat([Buffer.from([0, 0xff]), noise(10_000)])],
    ['a preface of HTTP/2', Buffer.from([0, 0, 0x12, 4, 0, 0, 0, 0, 0])],
    ['a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a page without a head', '<html>hello</html>\r\n\r\n'],
    ['another version', 'HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a negative status', 'HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status below all', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['a list of lengths', `${ok}Content-Length: 1, 1\r\n\r\na`],
    [
      'a length and chunks',
      `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a negative length', `${ok}Content-Length: -1\r\n\r\n`],
    ['a length beyond all numbers', `${ok}Content-Length: 99999999999999999999999\r\n\r\n`],
    ['a length that is none', `${ok}Content-Length: 0x10\r\n\r\n`],
    ['a header without a name', `${ok}: x\r\n\r\n`],
    ['a header with a space in its name', `${ok}X Y: x\r\nContent-Length: 0\r\n\r\n`],
    ['a header with a zero byte', `${ok}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`],
    ['a header with a lone CR', `${ok}X-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`],
    ['64 KiB of one header', `${ok}X-A: ${'a'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['200 KB of headers', `${ok}${'X-A: aaaaaa\r\n'.repeat(15_000)}Content-Length: 0\r\n\r\n`],
  ])('%s', async (_what, bytes) => {
    const worker = await stage.httpWorker(({ socket }) => socket.write(bytes));
    const answer = await stage.task();
    expect([answer.status, answer.json.error, answer.headers['x-task-attempts']]).toEqual([
      502,
      'The worker answered something that is no answer.',
      '1',
    ]);
    expect(answer.json.detail).toMatch(
      /^(?:not HTTP\/1\.1: HPE_[A-Z_]+|status \d+|head larger than 64 KiB)$/,
    );
    await until('the end of its connection', () => worker.sockets.size === 0);
  });
});

/** Writes it again and again while the connection lasts; `size` counts. */
function endless(socket: Socket, bytes: string): { size: number } {
  const sent = { size: 0 };
  const more = () => {
    while (!socket.destroyed && sent.size < 1000 * mib) {
      sent.size += bytes.length;
      if (!socket.write(bytes)) return void socket.once('drain', more);
    }
  };
  more();
  return sent;
}

function memory(): number {
  const status = readFileSync(`/proc/${stage.server.process.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

describe('an endless flow ends, without filling memory:', () => {
  test.each<[string, string, string]>([
    ['headers', ok, `X-A: ${'a'.repeat(1000)}\r\n`],
    ['short headers', ok, 'X-A: a\r\n'.repeat(100)],
    ['one header', `${ok}X-A: `, 'a'.repeat(1000)],
    ['a status line', 'HTTP/1.1 200 ', 'a'.repeat(1000)],
    ['100 Continue', '', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(40)],
    ['103 with headers', '', `HTTP/1.1 103 Hints\r\n${'X-A: aaaa\r\n'.repeat(80)}\r\n`],
    ['trailers', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n`, 'X-A: aaaaaaa\r\n'.repeat(70)],
    ['a chunk extension', `${ok}Transfer-Encoding: chunked\r\n\r\n1;`, 'a'.repeat(1000)],
  ])('%s', async (_what, first, again) => {
    const before = memory();
    const worker = await stage.httpWorker(({ socket }) => {
      socket.write(first);
      endless(socket, again);
    });
    const asked = stage.begin();
    // Others are served meanwhile.
    await stage.httpWorker(answerJson('"meanwhile"'), { region: `${stage.region}-2` });
    const other = await stage.task(2, { region: `${stage.region}-2` });
    expect(other.text).toBe('"meanwhile"');
    const answer = await asked.over();
    // Broken where the head of the answer had been passed on.
    if (answer.head === '') expect(answer.ended).toBe(true);
    else expect(answer.status).toBe(502);
    await until('the end of its connection', () => worker.sockets.size === 0);
    expect(memory() - before).toBeLessThan(100 * mib);
  });
});

describe('a slow worker', () => {
  const head = `${ok}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok`;

  /** Says the bytes one by one, every 20 ms, as long as it is heard. */
  const drip = (bytes: string): Answering => {
    return ({ socket }) => {
      let at = 0;
      const timer = setInterval(() => {
        if (at === bytes.length || socket.destroyed) return clearInterval(timer);
        socket.write(bytes[at]!);
        at += 1;
      }, 5);
    };
  };

  test('has until the deadline for its head', async () => {
    const worker = await stage.httpWorker(drip(`${ok}X-A: ${'a'.repeat(10_000)}\r\n\r\n`));
    expect((await stage.task(1, { timeout_ms: 300 })).status).toBe(504);
    await until('the end of its connection', () => worker.sockets.size === 0);
  });

  test('that is done before the deadline has answered, byte by byte', async () => {
    await stage.httpWorker(drip(head));
    const { status, text } = await stage.task();
    expect([status, text]).toEqual([200, 'ok']);
  });
});

test('a worker that answers before it has read the task is heard', async () => {
  const worker = await stage.httpWorker(() => {});
  // A worker of its own making: it says 413 at the first byte, and closes.
  const { createServer } = await import('node:net');
  const early = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.end('HTTP/1.1 413 Too much\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!');
    });
  });
  early.listen(0, '127.0.0.1');
  stage.guest(early, (one) => one.close());
  const { port } = early.address() as { port: number };
  await stage.register(port, { weight: 100 });
  const answer = await stage.task('x'.repeat(4 * mib));
  expect([answer.status, answer.text]).toEqual([413, 'no!']);
  expect(worker.seen).toEqual([]);
});

test('a worker that says nothing on thousands of tasks does not make others wait', async () => {
  const slow = await stage.httpWorker(() => {});
  const held = Array.from({ length: 300 }, (_, i) => stage.begin(i));
  await until('all of them', () => slow.seen.length === held.length);
  await stage.stillServes();
  for (const caller of held) caller.destroy();
  await stage.quiet();
  await until('the end of its connections', () => slow.sockets.size === 0);
});
