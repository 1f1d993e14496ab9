import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Stage, token } from '../support/tasks.ts';

const stage = new Stage();
beforeAll(() => stage.start());
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const large = 12 * 1024 ** 2;
const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: `;

test('a connection that a slow caller held is fit for the next task', async () => {
  const worker = await stage.httpWorker(({ socket, body }) =>
    socket.write(
      body.includes('large') ? `${head}${large}\r\n\r\n${'x'.repeat(large)}` : `${head}2\r\n\r\nok`,
    ),
  );
  for (let round = 0; round < 6; round++) {
    const slow = stage.begin('large');
    slow.socket.pause();
    await until('the worker to be held back', () => worker.seen.length === 2 * round + 1);
    slow.socket.resume();
    expect((await slow.over()).isWhole).toBeTrue();
    const next = await stage.task('small', { timeout_ms: 5_000 });
    expect([next.status, next.text]).toEqual([200, 'ok']);
  }
});

test('a 205 that its worker never ends is over for everybody', async () => {
  await stage.httpWorker(({ socket }) => socket.write('HTTP/1.1 205 Reset Content\r\n\r\n'));
  const { status, bytes } = await stage.task();
  expect([status, bytes.length]).toEqual([205, 0]);
  await until('nothing in flight', async () => (await stage.status()).tasks === 0);
});

test('a hundred headers pass, more are no answer, however many, at once', async () => {
  for (const [count, status] of [
    [100, 200],
    [101, 502],
    [60_000, 502],
  ] as const) {
    const socket = await stage.socketWorker({ node_id: 'w' });
    const asked = stage.task();
    const { task_id } = await socket.next(({ type }) => type === 'task');
    const headers = Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'v']));
    socket.say({ type: 'task_response', payload: { task_id, response: 1, headers } });
    expect((await asked).status).toBe(status);
    await stage.clear();
  }
});

test('an ip that is none does not become a name', async () => {
  const socket = await stage.socket();
  const payload = { token, region: stage.region, ip: '\ud800', port: 1 };
  socket.say({ type: 'register', payload });
  const { payload: registered } = await socket.next(({ type }) => type === 'registered');
  expect(registered.node_id).toStartWith('ws-');
});

test('before it registers a socket may say no more than 64 KiB at a time', async () => {
  const socket = await stage.socket();
  socket.say('x'.repeat(65_537));
  expect((await socket.end())?.code).toBe(1009);
});
