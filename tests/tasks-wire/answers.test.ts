import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import type { HttpClient } from '../support/http.ts';
import { Stage } from '../support/tasks.ts';

const stage = new Stage();

beforeAll(() => stage.start({ retry_count: 0 }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** A task at a worker that says these bytes, and then keeps its connection open. */
async function answered(bytes: string | Uint8Array, headers = {}): Promise<HttpClient> {
  await stage.httpWorker(({ socket }) => socket.write(bytes));
  return stage.task(undefined, {}, headers);
}

function lengthy(body: string | Uint8Array, head: string): Buffer {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([Buffer.from(`${head}\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes]);
}

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

describe('what the caller gets', () => {
  test.each([
    [200, 'text/plain; charset=latin1', Buffer.from('h\xf6', 'latin1')],
    [201, 'application/json', '{"big":12345678901234567890,  "twice":1,"twice":2}'],
    [299, 'image/png', everyByte],
    [302, 'text/plain', 'over there'],
    [400, 'application/problem+json', '{}'],
    [404, 'text/html', '<script>alert(1)</script>'],
    [500, 'application/json', '{"error":"mine"}'],
    [503, 'text/plain', 'later'],
    [599, 'x/y', 'odd'],
  ])('is status %i, content type and bytes as they came', async (status, type, body) => {
    const head = `HTTP/1.1 ${status} Whatever\r\nContent-Type: ${type}`;
    const answer = await answered(lengthy(body, head));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.bytes).toEqual(Buffer.from(body as string));
    expect(answer.isWhole).toBe(true);
    expect(answer.headers['x-task-attempts']).toBe('1');
  });

  test('has the bytes of a chunked answer, whatever its chunks, extensions and trailers', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked';
    const body = '5;a=b\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nX-Late: no\r\n\r\n';
    const answer = await answered(`${head}\r\n\r\n${body}`);
    expect([answer.text, answer.isWhole]).toEqual(['hello world', true]);
    expect(answer.headers['x-late']).toBeUndefined();
  });

  test('comes as it is sent, not only when it is whole', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
    const worker = await stage.httpWorker(({ socket }) => socket.write(`${head}first`));
    const caller = stage.begin();
    while (caller.text !== 'first') await Bun.sleep(1);
    expect([caller.status, caller.isWhole]).toEqual([200, false]);
    worker.seen[0]!.socket.write('other');
    expect((await caller.over()).text).toBe('firstother');
  });

  test('is whole when the worker tells the end by closing', async () => {
    await stage.httpWorker(({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    const answer = await stage.task();
    expect([answer.text, answer.isWhole]).toEqual(['until the end', true]);
  });

  test.each([
    ['HTTP/1.1 204 Gone by\r\n\r\n', 204],
    ['HTTP/1.1 204 Gone by\r\nContent-Type: text/plain\r\n\r\n', 204],
    ['HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n', 205],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 200],
    ['HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n', 503],
  ])('is empty for %j', async (bytes, status) => {
    const answer = await answered(bytes);
    expect([answer.status, answer.text, answer.isWhole]).toEqual([status, '', true]);
  });

  test('follows no redirect', async () => {
    const worker = await stage.httpWorker(({ socket }) =>
      socket.write(
        `HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:${stage.port}/status\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    const answer = await stage.task();
    expect([answer.status, answer.headers.location]).toEqual([307, undefined]);
    expect(worker.seen).toHaveLength(1);
  });

  test('takes no notice of 1xx before the answer', async () => {
    const hints = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX-Hint: yes\r\n\r\n';
    const answer = await answered(hints + lengthy('done', 'HTTP/1.1 200 OK\r\nX-Real: yes'));
    expect([answer.status, answer.text]).toEqual([200, 'done']);
    expect(answer.headers['x-real']).toBe('yes');
    expect(answer.headers['x-hint']).toBeUndefined();
  });
});

describe('an encoded answer', () => {
  const zipped = gzipSync('a text that was longer '.repeat(1000));
  const bytes = lengthy(zipped, 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip');

  test('reaches the caller as it is, and the worker hears what the caller takes', async () => {
    const worker = await stage.httpWorker(({ socket }) => socket.write(bytes));
    const answer = await stage.task(undefined, {}, { 'Accept-Encoding': 'gzip, br;q=0.5' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.bytes).toEqual(zipped);
    expect(worker.seen[0]!.headers['accept-encoding']).toBe('gzip, br;q=0.5');
  });

  test('is not asked for where the caller says nothing', async () => {
    const worker = await stage.httpWorker(({ socket }) =>
      socket.write(lengthy('', 'HTTP/1.1 200 OK')),
    );
    expect((await stage.task()).status).toBe(200);
    expect(worker.seen[0]!.headers['accept-encoding']).toBe('identity');
  });
});

test.each([
  'HTTP/1.1 304 Not Modified\r\n\r\n',
  'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  'HTTP/1.1 600 Too far\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 999 Far too far\r\nContent-Length: 0\r\n\r\n',
])('%j is no answer: 502, not tried again', async (bytes) => {
  const worker = await stage.httpWorker(({ socket }) => socket.write(bytes));
  const answer = await stage.task();
  expect(answer.status).toBe(502);
  expect(answer.json).toEqual({
    error: 'The worker answered something that is no answer.',
    task_id: answer.headers['x-task-id'],
    detail: `status ${bytes.slice(9, 12)}`,
  });
  expect(worker.seen).toHaveLength(1);
});

describe('headers', () => {
  const passed = {
    'content-language': 'de, en',
    'content-encoding': 'br',
    'retry-after': '120',
    'x-anything': 'tab\there',
    'x-powered-by': 'a worker',
    'x-frame-options': 'DENY',
  };
  const held = {
    'set-cookie': 'a=b',
    location: 'http://elsewhere.example/',
    server: 'a server',
    date: 'Tue, 01 Jan 2030 00:00:00 GMT',
    link: '</a>; rel=preload',
    etag: '"e"',
    'cache-control': 'public',
    'access-control-allow-origin': '*',
    'content-disposition': 'attachment',
    'strict-transport-security': 'max-age=1',
    'clear-site-data': '"*"',
    refresh: '0',
    'www-authenticate': 'Basic',
    'x-accel-redirect': '/secret',
    'x-sendfile': '/etc/passwd',
    'x-lighttpd-send-file': '/etc/passwd',
  };
  const lines = Object.entries({ ...passed, ...held }).map(([name, value]) => `${name}: ${value}`);

  test('of the list reach the caller, others do not', async () => {
    const answer = await answered(lengthy('x', `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}`));
    const { headers } = answer;
    expect(headers).toMatchObject(passed);
    for (const [name, value] of Object.entries(held)) expect(headers[name]).not.toBe(value);
    const known = ['content-length', 'date', 'connection', 'x-task-id', 'x-worker-id'];
    const ours = [...known, 'x-task-attempts', 'x-content-type-options', 'content-security-policy'];
    const names = Object.keys(headers).filter((name) => !ours.includes(name));
    expect(names.toSorted()).toEqual(Object.keys(passed).toSorted());
  });

  test('of ours are ours, whatever the worker says', async () => {
    const forged = ['X-Task-Id', 'X-Worker-Id', 'X-Task-Attempts', 'X-Content-Type-Options'];
    const all = [...forged, 'Content-Security-Policy'].map((name) => `${name}: forged`);
    const worker = await stage.httpWorker(({ socket }) =>
      socket.write(lengthy('x', `HTTP/1.1 200 OK\r\n${all.join('\r\n')}`)),
    );
    const { head, headers } = await stage.task();
    expect(head).not.toContain('forged');
    expect(headers).toMatchObject({
      'x-worker-id': worker.nodeId,
      'x-task-id': worker.seen[0]!.headers['x-task-id']!,
      'x-task-attempts': '1',
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
    });
  });

  test('may be many, also of a 1xx before them', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `X-${i}: value ${i}`);
    const hints = `HTTP/1.1 103 Hints\r\n${many.join('\r\n').replaceAll('value', 'hint')}\r\n\r\n`;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${many.join('\r\n')}\r\n\r\n`;
    const { text, headers } = await answered(`${hints}${head}body`);
    expect(text).toBe('body');
    for (let i = 0; i < 100; i++) expect(headers[`x-${i}`]).toBe(`value ${i}`);
  });

  test('that came twice come as one; one with bytes beyond ASCII does not come', async () => {
    const twice = 'X-Twice: a\r\nx-twice: b\r\nX-Odd: \xf6\xff\r\nX-Empty:';
    const { headers } = await answered(lengthy('x', `HTTP/1.1 200 OK\r\n${twice}`));
    expect(headers['x-twice']).toBe('a, b');
    expect(headers['x-odd']).toBeUndefined();
    expect(headers['x-empty']).toBe('');
  });

  test('have no content type where the worker told none', async () => {
    const whole = await answered(lengthy('{"a":1}', 'HTTP/1.1 200 OK'));
    expect([whole.text, whole.headers['content-type']]).toEqual(['{"a":1}', undefined]);
    await stage.clear();
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n';
    const streamed = await answered(chunked);
    expect([streamed.text, streamed.headers['content-type']]).toEqual(['hi', undefined]);
    await stage.clear();
    const empty = await answered(lengthy('', 'HTTP/1.1 200 OK'));
    expect([empty.text, empty.headers['content-type']]).toEqual(['', undefined]);
  });

  test('name a worker percent-encoded where a header could not', async () => {
    for (const nodeId of ['nöde 1', '100%', '机器', 'plain-1:2.3']) {
      const worker = await stage.httpWorker(
        ({ socket }) => socket.write(lengthy('x', 'HTTP/1.1 200 OK')),
        { node_id: nodeId },
      );
      expect(worker.nodeId).toBe(nodeId);
      const { headers } = await stage.task();
      const written = headers['x-worker-id']!;
      expect(decodeURIComponent(written)).toBe(nodeId);
      expect(written).toMatch(/^[!-~]+$/);
      await stage.clear();
    }
    const { headers } = await answered(lengthy('x', 'HTTP/1.1 200 OK'));
    expect(headers['x-worker-id']).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
