import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { frame, opcodes, RawClient } from '../support/raw.ts';
import { answer, answerJson, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

afterEach(() => stage.stop());

describe('a worker', () => {
  test('that answers no ping is dead after two intervals, and its task goes to the next', async () => {
    await stage.start({ ws: { heartbeat_interval: '150ms' } });
    const silent = await stage.socketWorker({ weight: 9 }, { pongs: false });
    await stage.httpWorker(answerJson('"next"'));
    const asked = stage.begin();
    await silent.next(({ type }) => type === 'task');
    // No closing frame: nobody is there to read it.
    expect(await silent.end()).toBeUndefined();
    expect(silent.pings.length).toBeGreaterThan(0);
    expect((await asked.over()).text).toBe('"next"');
    expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1, active: 1 });
  });

  test('lives by its pongs, by pongs of its own, by heartbeats, or by any frames', async () => {
    await stage.start({ ws: { heartbeat_interval: '200ms', read_timeout: '100ms' } });
    const patient = await stage.socketWorker();
    const acting: [RawClient, (worker: RawClient) => void][] = [
      [
        await stage.socketWorker({}, { pongs: false }),
        (worker) => worker.say({ type: 'heartbeat', payload: {} }),
      ],
      [
        await stage.socketWorker({}, { pongs: false }),
        (worker) => worker.write(frame('', { opcode: opcodes.pong })),
      ],
      [await stage.socketWorker({}, { pongs: false }), (worker) => worker.say('what?')],
    ];
    const timer = setInterval(() => acting.forEach(([worker, act]) => act(worker)), 50);
    const all = [patient, ...acting.map(([worker]) => worker)];
    // Five intervals, by the server's own count.
    await until('many pings', () => all.every(({ pings, ended }) => pings.length >= 5 || ended));
    clearInterval(timer);
    expect(all.map(({ ended }) => ended)).toEqual([false, false, false, false]);
    expect((await stage.status()).regions[stage.region]).toEqual({ clients: 4, active: 4 });
  });

  test('that takes nothing is dead after write_timeout, and its tasks go to the next', async () => {
    await stage.start({ ws: { write_timeout: '300ms', slow_mb: 1 } });
    const stuck = await stage.socketWorker({ weight: 100 });
    stuck.stopReading();
    const other = await stage.httpWorker(answerJson('"next"'));
    // The kernel takes some of them; what is not read holds back the others.
    const large = 'x'.repeat(4_000_000);
    const asked = Array.from({ length: 6 }, () => stage.begin(large));
    for (const caller of asked) expect((await caller.over()).text).toBe('"next"');
    expect(other.seen.length).toBe(6);
    expect((await stage.status()).clients).toBe(1);
    stuck.destroy();
  });
});

describe('a socket that never registers', () => {
  test('is no client, and ends with 4408 after read_timeout, pongs or not', async () => {
    await stage.start({ ws: { read_timeout: '300ms', heartbeat_interval: '50ms' } });
    const sockets = [await stage.socket(), await stage.socket({ pongs: false })];
    // Words do not help.
    sockets[0]!.say({ type: 'heartbeat' });
    expect((await stage.status()).clients).toBe(0);
    for (const socket of sockets)
      expect(await socket.end()).toEqual({ code: 4408, reason: 'not registered' });
  });

  test('counts against max_connections: 503 when full, until one leaves', async () => {
    await stage.start({ ws: { max_connections: 2 } });
    const worker = await stage.socketWorker();
    const other = await stage.socket();
    const refused = await RawClient.ask(stage.port, { path: '/ws' });
    expect([refused.status, /^retry-after: 5$/im.test(refused.head)]).toEqual([503, true]);
    await until('its words', () => refused.body.endsWith('}'));
    expect(JSON.parse(refused.body)).toEqual({
      message: 'Too many sockets of workers (ws.max_connections).',
      code: 503,
    });
    refused.destroy();
    other.destroy();
    await until('room', async () => {
      const client = await RawClient.ask(stage.port, { path: '/ws' });
      client.destroy();
      return client.status === 101;
    });
    worker.say({ type: 'heartbeat' });
    expect((await worker.next()).type).toBe('heartbeat_ack');
  });
});

test('with ws.enabled false there is no /ws, and /status says so', async () => {
  await stage.start({ ws: { enabled: false } });
  const client = await RawClient.ask(stage.port, { path: '/ws' });
  expect(client.status).toBe(404);
  client.destroy();
  expect((await stage.status()).websocket).toBe('Disabled');
  await stage.httpWorker(answerJson('"http"'));
  expect((await stage.task()).text).toBe('"http"');
});

test('ws.path is where they connect, and nowhere else', async () => {
  await stage.start({ ws: { path: '/workers/socket' } });
  const socket = await stage.socket({ path: '/workers/socket' });
  socket.say({ type: 'register', payload: { token, region: stage.region } });
  expect((await socket.next()).type).toBe('registered');
  const asked = stage.begin();
  await answer(socket, 'here');
  expect((await asked.over()).text).toBe('"here"');
  const client = await RawClient.ask(stage.port, { path: '/ws' });
  expect(client.status).toBe(404);
  client.destroy();
});

test('when the server stops, sockets end with 1001, registered or not', async () => {
  await stage.start();
  const sockets = [await stage.socketWorker(), await stage.socket()];
  stage.server.signal('SIGTERM');
  for (const socket of sockets)
    expect(await socket.end()).toEqual({ code: 1001, reason: 'going away' });
  expect(await stage.server.process.exited).toBe(0);
});

test('what waits for a worker that reads slowly arrives whole', async () => {
  await stage.start({ ws: { write_timeout: '10s' }, task_body_mb: 8 });
  const worker = await stage.socketWorker();
  const payload = 'y'.repeat(7_000_000);
  worker.stopReading();
  const asked = stage.begin(payload);
  await until('it to be in hand', async () => (await stage.status()).tasks === 1);
  worker.readOn();
  const task = await worker.next(({ type }) => type === 'task');
  expect(task.payload).toBe(payload);
  worker.say({ type: 'task_response', payload: { task_id: task.task_id, response: 'read' } });
  expect((await asked.over()).text).toBe('"read"');
});
