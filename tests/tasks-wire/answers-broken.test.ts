import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start({ answer_timeout: '300ms' }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const half: [what: string, bytes: string][] = [
  ['less than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much'],
  ['nothing of its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'],
  ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello'],
  ['no chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  [
    'half of the last chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n',
  ],
];

describe.each(half)('a worker that says %s', (_what, bytes) => {
  test.each(['close', 'reset'])(
    'and goes by a %s breaks the connection of its caller',
    async (how) => {
      const worker = await stage.httpWorker(({ socket }) => {
        socket.write(bytes, () => (how === 'close' ? socket.end() : socket.resetAndDestroy()));
      });
      const answer = await stage.task();
      expect([answer.isWhole, answer.ended]).toEqual([false, true]);
      expect(worker.seen).toHaveLength(1);
    },
  );
});

test('half an answer whose worker goes later, or says nothing more, breaks the connection too', async () => {
  const each = half.map(async ([what, bytes]) => {
    const region = `${stage.region} ${what}`;
    const worker = await stage.httpWorker(({ socket }) => socket.write(bytes), { region });
    const [early, late] = [stage.begin(1, { region }), stage.begin(2, { region })];
    await worker.request(2);
    // Bun sends the head with the first byte of the body, where there is one.
    const hasByte = !bytes.endsWith('\r\n\r\n');
    if (hasByte) await Promise.all([early.begun(), late.begun()]);
    worker.seen[0]!.socket.destroy();
    // The other one by answer_timeout.
    await Promise.all([early.over(), late.over()]);
    for (const { status, isWhole, ended } of [early, late])
      expect([what, status, isWhole, ended]).toEqual([what, hasByte ? 200 : NaN, false, true]);
    await until('the end of the connections to the worker', () => worker.sockets.size === 0);
  });
  expect(await Promise.all(each)).toHaveLength(half.length);
});

test.each([
  ['a chunk size that is none', 'zz\r\nhello\r\n0\r\n\r\n'],
  ['a chunk that is longer than its size', '2\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size beyond all numbers', 'ffffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
])('%s breaks the connection of the caller', async (_what, body) => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const worker = await stage.httpWorker(({ socket }) => socket.write(`${head}5\r\nfirst\r\n`));
  const caller = stage.begin();
  await until('what was right', () => caller.text === 'first');
  worker.seen[0]!.socket.write(body);
  await caller.over();
  expect([caller.isWhole, caller.ended]).toEqual([false, true]);
  // All of it at once: there was no head yet that could have been passed on.
  worker.answering = ({ socket }) => socket.write(`${head}${body}`);
  expect((await stage.task()).status).toBe(502);
  expect(worker.seen).toHaveLength(2);
});

test('an answer that goes on slowly is not ended by answer_timeout', async () => {
  const worker = await stage.httpWorker(({ socket }) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  );
  const caller = stage.begin();
  const { socket } = await worker.request();
  // Three times as long as any pause may be.
  const timer = setInterval(() => socket.write('1\r\n.\r\n'), 50);
  await until('much of it', () => caller.size >= 18);
  clearInterval(timer);
  socket.write('0\r\n\r\n');
  expect((await caller.over()).isWhole).toBe(true);
});

test('a broken answer is none of the next task on that connection', async () => {
  let count = 0;
  const worker = await stage.httpWorker(({ socket }) => {
    count += 1;
    // Behind the first answer stands more, as if it were the next one's.
    const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal${count === 1 ? forged : ''}`);
  });
  expect((await stage.task()).text).toBe('real');
  expect((await stage.task()).text).toBe('real');
  expect(worker.connections).toBe(2);
});

test('what a worker says unasked, between two tasks, ends that connection', async () => {
  const worker = await stage.httpWorker(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal');
  });
  expect((await stage.task()).text).toBe('real');
  worker.seen[0]!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged');
  await until('its end', () => worker.sockets.size === 0);
  expect((await stage.task()).text).toBe('real');
});
