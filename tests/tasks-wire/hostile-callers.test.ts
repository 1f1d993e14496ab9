import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { HttpClient, requestBytes } from '../support/http.ts';
import { until } from '../support/moonstead.ts';
import { answerJson, noise, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start({ body_timeout: '400ms', task_body_mb: 1 }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const json = { 'Content-Type': 'application/json' };
const paths = ['/task/request', '/client/heartbeat'];

function connect(): HttpClient {
  return stage.guest(HttpClient.connect(stage.port), (one) => one.destroy());
}

function post(path: string, headers = {}, body = ''): Buffer {
  const all = { ...json, ...headers };
  return requestBytes(stage.port, { method: 'POST', path, headers: all, body });
}

describe.each(paths)('on %s', (path) => {
  const bodies: Record<string, string> = {
    '/task/request': '{"payload":1,"region":"hostile"}',
    '/client/heartbeat': JSON.stringify({ token, region: 'hostile', port: 1 }),
  };
  const body = bodies[path]!;

  test.each<[string, () => Uint8Array]>([
    ['noise', () => noise(5000)],
    ['no method', () => Buffer.from(`/ HTTP/1.1\r\n\r\n`)],
    ['a line without end', () => Buffer.from(`POST ${'/a'.repeat(50_000)}`)],
    ['a head of 1 MB', () => post(path, { 'X-A': 'a'.repeat(1_000_000) }, body)],
    [
      'ten thousand headers',
      () => Buffer.from(`POST ${path} HTTP/1.1\r\n${'A: b\r\n'.repeat(10_000)}`),
    ],
    ['a negative length', () => post(path, { 'Content-Length': '-1' }, body)],
    ['a length that is none', () => post(path, { 'Content-Length': 'abc' }, body)],
    ['a zero byte in a header', () => post(path, { 'X-A': 'a\0b' }, body)],
    [
      'chunks that are none',
      () =>
        post(
          path,
          { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' },
          'zz\r\nhello\r\n',
        ),
    ],
    [
      'a length and chunks',
      () => post(path, { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' }, '0\r\n\r\nGET /'),
    ],
  ])('%s get a refusal or an end, never a task or a worker', async (_what, bytes) => {
    const client = connect();
    client.socket.write(bytes());
    await client.over();
    if (client.head === '') expect(client.ended).toBe(true);
    else expect([400, 413, 431, 505]).toContain(client.status);
    const { tasks, regions } = await stage.status();
    expect([tasks, regions.hostile]).toEqual([0, undefined]);
  });

  test.each<[string, (client: HttpClient) => void]>([
    ['a reset', (client) => client.socket.resetAndDestroy()],
    ['a FIN', (client) => client.socket.end()],
  ])('bodies that end early by %s are forgotten', async (_how, leave) => {
    const bytes = post(path, { 'Content-Length': String(body.length + 100) }, body);
    for (const cut of [bytes.length, bytes.length - 10, 30, 4]) {
      const client = connect();
      client.socket.write(bytes.subarray(0, cut));
      leave(client);
    }
    const chunked = { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' };
    const client = connect();
    client.socket.write(post(path, chunked, `${body.length.toString(16)}\r\n${body}\r\n`));
    leave(client);
    await until('their ends', async () => (await stage.status()).tasks === 0);
    expect((await stage.status()).regions.hostile).toBeUndefined();
    expect(stage.server.events.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('two hundred bodies that stop halfway are refused in time, and others are served', async () => {
    const bytes = post(path, { 'Content-Length': '100' }, '{"');
    const clients = Array.from({ length: 200 }, connect);
    for (const client of clients) client.socket.write(bytes);
    await stage.stillServes();
    for (const client of clients) {
      await client.over();
      expect(client.status).toBe(path === '/task/request' ? 408 : 400);
    }
  });
});

test('a hundred tasks one after the other on one connection are answered, errors between them', async () => {
  const worker = await stage.httpWorker((seen) => answerJson(seen.body)(seen));
  const { region } = stage;
  const client = connect();
  let seen = '';
  client.socket.on('data', (bytes) => (seen += bytes));
  for (let i = 0; i < 100; i++) {
    const body = i % 3 === 0 ? `{"payload":"${i}"` : JSON.stringify({ region, payload: `${i}` });
    client.socket.write(post('/task/request', { Connection: undefined }, body));
    const end = i % 3 === 0 ? '"detail":"not JSON"}' : `\r\n\r\n{"payload":"${i}"}`;
    await until(`answer ${i}`, () => seen.endsWith(end));
    seen = '';
  }
  expect(worker.seen).toHaveLength(66);
});

test('a caller that takes no byte of a large answer keeps nobody waiting, and is let go', async () => {
  const text = JSON.stringify('x'.repeat(30_000_000));
  const worker = await stage.httpWorker(answerJson(text));
  const caller = stage.begin();
  await caller.begun();
  caller.socket.pause();
  await stage.stillServes();
  expect((await stage.status()).tasks).toBe(1);
  caller.destroy();
  await stage.quiet();
  await until('the end at the worker', () => worker.sockets.size === 0);
});
