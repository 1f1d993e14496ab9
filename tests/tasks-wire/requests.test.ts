import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import type { HttpClient } from '../support/http.ts';
import { until } from '../support/moonstead.ts';
import { answerJson, Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start({ task_body_mb: 1, body_timeout: '300ms' }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Checks that it is a refusal as it should be; its `error` and `detail`. */
function refused(answer: HttpClient, status: number) {
  const { task_id, ...rest } = answer.json;
  expect(answer.status).toBe(status);
  expect(task_id).toMatch(uuid);
  expect(answer.headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/json/),
    'x-task-id': task_id,
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
  });
  expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : (undefined as never));
  return rest;
}

describe('a body is refused with 400', () => {
  test.each(
    [
      ['', 'not JSON'],
      ['{', 'not JSON'],
      ['{"payload":1}x', 'not JSON'],
      ["{'payload':1}", 'not JSON'],
      ['\u0000', 'not JSON'],
      ['null', 'Expected object'],
      ['[]', 'Expected object'],
      ['[{"payload":1}]', 'Expected object'],
      ['5', 'Expected object'],
      ['"payload"', 'Expected object'],
      ['{}', 'payload: any JSON'],
      ['{"Payload":1}', 'payload: any JSON'],
      ['{"region":5,"payload":1}', 'region: '],
      ['{"region":null,"payload":1}', 'region: '],
      ['{"region":"a\\nb","payload":1}', 'region: '],
      ['{"region":"\\ud800","payload":1}', 'region: '],
      [`{"region":"${'r'.repeat(129)}","payload":1}`, 'region: '],
      ['{"payload":1,"timeout_ms":99}', 'timeout_ms: 100 to 600000'],
      ['{"payload":1,"timeout_ms":600001}', 'timeout_ms: 100 to 600000'],
      ['{"payload":1,"timeout_ms":1000.5}', 'timeout_ms: 100 to 600000'],
      ['{"payload":1,"timeout_ms":"1000"}', 'timeout_ms: 100 to 600000'],
      ['{"payload":1,"timeout_ms":1e999}', 'timeout_ms: 100 to 600000'],
      ['{"payload":1,"retry":0}', 'retry: true or false'],
      ['{"payload":1,"retry":"false"}', 'retry: true or false'],
      ['{"payload":1,"sticky":""}', 'sticky: '],
      ['{"payload":1,"sticky":7}', 'sticky: '],
      [`{"payload":${'['.repeat(64)}${']'.repeat(64)}}`, 'deeper than server.json_depth_max'],
      [`{"payload":${'['.repeat(300_000)}${']'.repeat(300_000)}}`, 'deeper than'],
    ].map(([body, detail]) => [body!.slice(0, 40), body!, detail!]),
  )('%j', async (_, body, detail) => {
    const worker = await stage.httpWorker(answerJson('1'));
    const refusal = refused(await stage.taskText(body), 400);
    expect(refusal).toEqual({
      error: 'Malformed task.',
      detail: expect.stringMatching(new RegExp(`^${detail}`)),
    });
    expect(worker.seen).toEqual([]);
  });

  test('that is not UTF-8', async () => {
    const bytes = Buffer.from('{"payload":"\xff\xfe"}', 'latin1');
    expect(refused(await stage.taskText(bytes), 400)).toEqual({ error: 'Malformed task.' });
  });
});

test.each([[1], [''], [null], [false], [[]], [{}], [{ deep: [[[]]] }], ['null']])(
  'payload %j is one',
  async (payload) => {
    const worker = await stage.httpWorker(answerJson('"done"'));
    expect((await stage.task(payload)).text).toBe('"done"');
    expect(JSON.parse(worker.seen[0]!.body)).toEqual({ payload });
  },
);

describe('a content type', () => {
  test.each([
    undefined,
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json-patch+json',
    'multipart/form-data; boundary=application/json',
    'text/plain, application/json',
  ])('of %p is refused with 415', async (type) => {
    const answer = await stage.taskText('{"payload":1}', { 'Content-Type': type });
    expect(refused(answer, 415)).toEqual({ error: 'Content-Type must be application/json.' });
  });

  test.each(['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8'])(
    'of %s is one',
    async (type) => {
      await stage.httpWorker(answerJson('1'));
      expect((await stage.task(1, {}, { 'Content-Type': type })).status).toBe(200);
    },
  );
});

describe('a body that is too large is refused with 413', () => {
  const large = `{"payload":"${'x'.repeat(1024 ** 2)}"}`;
  const refusal = { error: 'The task is too large (task_body_mb).' };

  test('when it is there', async () => {
    expect(refused(await stage.taskText(large), 413)).toEqual(refusal);
  });

  test('when its length is told, before it comes', async () => {
    const answer = await stage.taskText('', { 'Content-Length': '1048577' });
    expect(refused(answer, 413)).toEqual(refusal);
  });

  test('when it comes in chunks that have no end', async () => {
    const headers = { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' };
    const caller = stage.beginText('', headers);
    const chunk = `4000\r\n${' '.repeat(16_384)}\r\n`;
    const timer = setInterval(() => caller.socket.write(chunk), 1);
    await caller.begun();
    clearInterval(timer);
    expect(refused(await caller.over(), 413)).toEqual(refusal);
  });

  test('and one of just the size is not', async () => {
    await stage.httpWorker(answerJson('1'));
    const body = `{"region":"${stage.region}","payload":1}`;
    expect((await stage.taskText(body.padEnd(1024 ** 2))).status).toBe(200);
  });
});

test('a body that comes too slowly is refused with 408', async () => {
  const caller = stage.beginText('{"payl', { 'Content-Length': '13' });
  const timer = setInterval(() => caller.socket.write(' '), 100);
  await caller.over();
  clearInterval(timer);
  expect(refused(caller, 408)).toEqual({
    error: 'The task did not arrive in time (body_timeout).',
  });
});

test('a body in chunks is one', async () => {
  const worker = await stage.httpWorker(answerJson('1'));
  const headers = { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' };
  const caller = stage.beginText('', headers);
  const body = JSON.stringify({ region: stage.region, payload: 'in chunks' });
  for (const letter of body) caller.socket.write(`1\r\n${letter}\r\n`);
  caller.socket.write('0\r\n\r\n');
  expect((await caller.over()).status).toBe(200);
  expect(worker.seen[0]!.body).toBe('{"payload":"in chunks"}');
});

test('the worker is told which task it is, which try, and until when', async () => {
  const worker = await stage.httpWorker(answerJson('1'));
  const before = Date.now();
  const answer = await stage.task(1, { timeout_ms: 60_000 });
  const { head, headers, body } = worker.seen[0]!;
  expect(head.split('\r\n')[0]).toBe('POST /work HTTP/1.1');
  expect(body).toBe('{"payload":1}');
  expect(headers).toMatchObject({
    host: `127.0.0.1:${worker.port}`,
    'content-type': 'application/json',
    'x-task-id': answer.headers['x-task-id']!,
    'x-task-attempt': '1',
  });
  const leftMs = Date.parse(headers['x-task-deadline']!) - before;
  expect(headers['x-task-deadline']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(leftMs).toBeGreaterThanOrEqual(60_000);
  expect(leftMs).toBeLessThan(65_000);
});

test('without timeout_ms the deadline is 15 s away', async () => {
  const worker = await stage.httpWorker(answerJson('1'));
  const before = Date.now();
  await stage.task(1);
  const leftMs = Date.parse(worker.seen[0]!.headers['x-task-deadline']!) - before;
  expect(leftMs).toBeGreaterThanOrEqual(15_000);
  expect(leftMs).toBeLessThan(20_000);
});

test('a worker that is silent until timeout_ms: 504, its connection ends, and it stays healthy', async () => {
  const worker = await stage.httpWorker(() => {});
  for (let i = 0; i < 4; i++) {
    const answer = await stage.task(1, { timeout_ms: 100 });
    expect(refused(answer, 504)).toEqual({ error: 'No worker answered in time (timeout_ms).' });
    expect(answer.headers['x-task-attempts']).toBe('1');
  }
  expect(worker.seen).toHaveLength(4);
  await until('the end of its connections', () => worker.sockets.size === 0);
  await stage.entryThat(
    worker.nodeId,
    ({ health, in_flight: n }) => health === 'healthy' && n === 0,
  );
});

test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is no way to ask for a task', async (method) => {
  const answer = stage.ask({ method, path: '/task/request' });
  expect((await answer.over()).status).toBe(404);
});

describe('a web page of somebody else', () => {
  const headers = { 'Content-Type': 'application/json', Origin: 'https://evil.example' };

  test.each(['/task/request', '/client/heartbeat'])('may not POST to %s', async (path) => {
    const answer = stage.ask({ method: 'POST', path, headers, body: '{"payload":1}' });
    expect((await answer.over()).json).toEqual({
      message: 'Pages of this Origin may not do that (server.allowed_origins).',
      code: 403,
    });
    expect(answer.status).toBe(403);
    expect(answer.head).not.toMatch(/^access-control/im);
  });

  test.each(['/status', '/clients', '/region', '/', '/ws'])(
    'may not read %s by a name of its own for this address',
    async (path) => {
      const answer = await stage.get(path, { Host: 'rebound.evil.example' });
      expect([answer.status, answer.json.code]).toEqual([403, 403]);
    },
  );

  test('of this server may', async () => {
    await stage.httpWorker(answerJson('1'));
    const own = { Origin: `http://127.0.0.1:${stage.port}` };
    expect((await stage.task(1, {}, own)).status).toBe(200);
  });
});
