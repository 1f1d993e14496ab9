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
import { answer, answerJson, Stage } from '../support/tasks.ts';
import type { Answering } from '../support/http-worker.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start({ retry_count: 2 }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const closes: Answering = ({ socket }) => socket.end();
const resets: Answering = ({ socket }) => socket.resetAndDestroy();

/** Registers a port where nobody listens any more. */
async function refusing(more: object): Promise<void> {
  const worker = await stage.httpWorker(closes, more);
  worker.close();
}

// The first that is picked has the highest weight.
const first = { weight: 100 };

describe('the next worker has the task when the first one', () => {
  test('refuses the connection', async () => {
    await refusing(first);
    await stage.httpWorker(answerJson('"next"'));
    const { text, headers } = await stage.task();
    expect([text, headers['x-task-attempts']]).toEqual(['"next"', '2']);
  });

  test.each([
    ['closes', closes],
    ['resets', resets],
  ])('%s it without a word', async (_how, does) => {
    const bad = await stage.httpWorker(does, first);
    const good = await stage.httpWorker(answerJson('"next"'));
    const { text, headers } = await stage.task({ a: 1 });
    expect([text, headers['x-task-attempts']]).toEqual(['"next"', '2']);
    const [one, two] = [bad.seen[0]!, good.seen[0]!];
    expect([one.headers['x-task-attempt'], two.headers['x-task-attempt']]).toEqual(['1', '2']);
    expect(two.headers['x-task-id']).toBe(one.headers['x-task-id']!);
    expect(two.headers['x-task-deadline']).toBe(one.headers['x-task-deadline']!);
    expect(two.body).toBe('{"payload":{"a":1}}');
    expect(headers['x-worker-id']).toBe(good.nodeId);
  });

  test('closes its WebSocket', async () => {
    const socket = await stage.socketWorker(first);
    await stage.httpWorker(answerJson('"next"'));
    const asked = stage.begin();
    await socket.next(({ type }) => type === 'task');
    socket.destroy();
    expect((await asked.over()).text).toBe('"next"');
  });

  test('has gone over to another address in the meantime', async () => {
    const socket = await stage.socketWorker({ ...first, node_id: 'mover' });
    await stage.httpWorker(answerJson('"next"'));
    const asked = stage.begin();
    await socket.next(({ type }) => type === 'task');
    await stage.socketWorker({ node_id: 'mover' });
    expect(await socket.end()).toEqual({ code: 4410, reason: 'replaced' });
    // The newcomer bears the name of one that was tried.
    expect((await asked.over()).text).toBe('"next"');
  });
});

test('up to retry_count further workers, each once, and then 502', async () => {
  const bad = [];
  for (const does of [closes, resets, closes, resets]) bad.push(await stage.httpWorker(does));
  const { status, json, headers } = await stage.task();
  expect([status, headers['x-task-attempts']]).toEqual([502, '3']);
  expect(json).toEqual({
    error: 'Every worker that was tried failed.',
    task_id: headers['x-task-id'],
  });
  expect(bad.map(({ seen }) => seen.length).toSorted()).toEqual([0, 1, 1, 1]);
});

test('fewer workers than retry_count: each is tried once, and then 502', async () => {
  const bad = await stage.httpWorker(closes);
  const { status, headers } = await stage.task();
  expect([status, headers['x-task-attempts'], bad.seen.length]).toEqual([502, '1', 1]);
});

test('one address under two names is tried once', async () => {
  const bad = await stage.httpWorker(closes);
  await stage.register(bad.port, { node_id: 'another name' });
  expect((await stage.task()).headers['x-task-attempts']).toBe('1');
  expect(bad.seen).toHaveLength(1);
});

test('"retry": false is never given to another', async () => {
  const bad = [await stage.httpWorker(closes), await stage.httpWorker(resets)];
  await refusing({});
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await stage.task(i, { retry: false });
    expect([status, headers['x-task-attempts']]).toEqual([502, '1']);
  }
  expect(bad.map(({ seen }) => seen.length)).toEqual([1, 1]);
});

describe('never given to another', () => {
  test.each([
    ['a 500', 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n', 500],
    ['a 503', 'HTTP/1.1 503 Oh\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n', 503],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 502],
    ['a status that is none', 'HTTP/1.1 304 Same\r\n\r\n', 502],
  ])('is a task whose worker answered with %s', async (_what, bytes, status) => {
    const bad = await stage.httpWorker(({ socket }) => socket.write(bytes), first);
    const other = await stage.httpWorker(answerJson('"next"'));
    expect((await stage.task()).status).toBe(status);
    expect([bad.seen.length, other.seen.length]).toEqual([1, 0]);
  });

  test.each(['H', 'HTTP/1.1 200 OK\r\nContent-', 'HTTP/1.1 100 Continue\r\n\r\n'])(
    'is one whose worker began to answer with %j, and closed',
    async (bytes) => {
      await stage.httpWorker(({ socket }) => socket.end(bytes), first);
      const other = await stage.httpWorker(answerJson('"next"'));
      const { status, json } = await stage.task();
      expect([status, json.error]).toEqual([
        502,
        'The worker answered something that is no answer.',
      ]);
      expect(other.seen).toEqual([]);
    },
  );

  test('is one whose worker is slow: 504 at the deadline', async () => {
    await stage.httpWorker(() => {}, first);
    const other = await stage.httpWorker(answerJson('"next"'));
    expect((await stage.task(1, { timeout_ms: 200 })).status).toBe(504);
    expect(other.seen).toEqual([]);
  });

  test('is one whose WebSocket worker answered out of range', async () => {
    const socket = await stage.socketWorker(first);
    const other = await stage.httpWorker(answerJson('"next"'));
    const asked = stage.begin();
    await answer(socket, 'x', { status: 999 });
    expect((await asked.over()).status).toBe(502);
    expect(other.seen).toEqual([]);
  });
});

test('all tries are within one deadline', async () => {
  const workers = [];
  for (let i = 0; i < 3; i++)
    workers.push(await stage.httpWorker(({ socket }) => setTimeout(() => socket.end(), 300)));
  // Alone, each would have time enough to close.
  expect((await stage.task(1, { timeout_ms: 550 })).status).toBe(504);
  expect(workers.filter(({ seen }) => seen.length === 0).length).toBeGreaterThan(0);
});

test('a task is not sent twice on a connection that was kept and turns out to be closed', async () => {
  const worker = await stage.httpWorker((seen) => {
    // Answers, keeps the connection, and closes it on the next request.
    if (worker.seen.length === 1) answerJson('"first"')(seen);
    else seen.socket.destroy();
  });
  expect((await stage.task()).text).toBe('"first"');
  const { status, headers } = await stage.task(2, { retry: false });
  expect([status, headers['x-task-attempts'], worker.seen.length]).toEqual([502, '1', 2]);
  expect(worker.connections).toBe(1);
});

describe('a caller that hangs up', () => {
  test('ends the connection to the worker that has its task', async () => {
    const worker = await stage.httpWorker(() => {});
    const caller = stage.begin();
    await worker.request();
    expect((await stage.status()).tasks).toBe(1);
    caller.destroy();
    await until('its end', () => worker.sockets.size === 0);
    await stage.quiet();
    await stage.entryThat(
      worker.nodeId,
      ({ in_flight: n, health }) => n === 0 && health === 'healthy',
    );
  });

  test('in the middle of an answer does so too', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
    const worker = await stage.httpWorker(({ socket }) => socket.write(head));
    const caller = stage.begin();
    await until('its beginning', () => caller.text === 'hello');
    caller.destroy();
    await until('its end', () => worker.sockets.size === 0);
    await stage.quiet();
  });

  test('cancels the task of a WebSocket worker, whose late answer is dropped', async () => {
    const worker = await stage.socketWorker({ node_id: 'late' });
    const caller = stage.begin();
    const { task_id } = await worker.next(({ type }) => type === 'task');
    caller.destroy();
    expect(await worker.next()).toEqual({ type: 'cancel', task_id });
    worker.say({ type: 'task_response', payload: { task_id, response: 1 } });
    await stage.entryThat('late', ({ dropped, in_flight: n }) => dropped === 1 && n === 0);
    await stage.quiet();
  });
});
