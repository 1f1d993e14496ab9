import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { answer, answerJson, Stage, token, words } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

afterEach(() => stage.stop());

test('/status is exactly as documented: workers by region, and what is in flight', async () => {
  await stage.start({ eject_failures: 1, eject_time: '60s', retry_count: 0 });
  const empty = await stage.get('/status');
  expect([empty.status, empty.headers['content-type']]).toEqual([
    200,
    'application/json;charset=utf-8',
  ]);
  expect(empty.text).toBe(
    '{"server":"Online","websocket":"Connected","clients":0,"tasks":0,"regions":{}}',
  );
  const held = await stage.httpWorker(() => {}, { region: 'us-east' });
  await stage.socketWorker({ region: 'us-east' });
  await stage.httpWorker(answerJson('1'), { region: 'us-west' });
  await stage.httpWorker(({ socket }) => socket.destroy(), { region: 'us-west' });
  for (const n of [1, 2]) stage.begin(n, { region: 'us-east' });
  await held.request();
  await Promise.all([stage.task(3, { region: 'us-west' }), stage.task(4, { region: 'us-west' })]);
  await stage.socket();
  expect(await stage.status()).toEqual({
    server: 'Online',
    websocket: 'Connected',
    clients: 4,
    tasks: 2,
    regions: { 'us-east': { clients: 2, active: 2 }, 'us-west': { clients: 2, active: 1 } },
  });
});

test('region names that mean something to JavaScript are names', async () => {
  await stage.start();
  for (const region of ['__proto__', 'constructor', 'toString', '7', '<b>&"'])
    await stage.httpWorker(answerJson(JSON.stringify(region)), { region, node_id: `of ${region}` });
  const { text } = await stage.get('/status');
  for (const region of ['__proto__', 'constructor', 'toString', '7', '<b>&"']) {
    expect(text).toContain(`${JSON.stringify(region)}:{"clients":1,"active":1}`);
    expect((await stage.task(1, { region })).json).toBe(region);
  }
});

test('/clients tells of each worker, /region the hierarchy, and neither a token', async () => {
  const hierarchy = { 'us-east-1': 'usa', usa: 'global' };
  await stage.start({ region_hierarchy: hierarchy });
  await stage.httpWorker(answerJson('1'), {
    node_id: 'http',
    region: 'us-east-1',
    weight: 2,
    max_concurrency: 9,
  });
  const socket = await stage.socketWorker({ node_id: 'socket', region: 'europe' });
  const before = Date.now();
  for (let i = 0; i < 3; i++) await stage.task(i, { region: 'us-east-1' });
  const asked = stage.begin(words, { region: 'europe' });
  const { task_id } = await socket.next(({ type }) => type === 'task');
  const { latency_ms, last_seen, ...http } = await stage.entryThat(
    'http',
    (one) => one.latency_ms !== null,
  );
  expect(http).toEqual({
    node_id: 'http',
    protocol: 'http',
    region: 'us-east-1',
    weight: 2,
    max_concurrency: 9,
    health: 'healthy',
    in_flight: 0,
    dropped: 0,
  });
  expect(latency_ms!.p50).toBeGreaterThan(0);
  expect(latency_ms!.p95).toBeGreaterThanOrEqual(latency_ms!.p50);
  expect(Math.abs(Date.parse(last_seen) - before)).toBeLessThan(10_000);
  expect(await stage.entry('socket')).toMatchObject({ protocol: 'websocket', in_flight: 1 });
  socket.say({ type: 'task_response', payload: { task_id, response: 1 } });
  await asked.over();
  const region = await stage.get('/region');
  expect([region.status, region.json]).toEqual([200, hierarchy]);
  for (const path of ['/status', '/clients', '/region'])
    expect((await stage.get(path)).text).not.toContain(token);
});

test('nothing of tokens, payloads and answers is in the log, at its most talkative', async () => {
  await stage.start({ task_keys: ['the-key-of-a-caller'] });
  const key = { 'X-API-Key': 'the-key-of-a-caller' };
  const secret = 'answ3r-that-no-log-may-hold';
  const worker = await stage.httpWorker(answerJson(`"${secret}"`));
  await stage.task(words, {}, key);
  worker.answering = ({ socket }) => socket.write(`${secret} ${secret}\r\n\r\n`);
  await stage.task(words, {}, key);
  worker.answering = ({ socket }) => socket.destroy();
  await stage.task(words, {}, key);
  await stage.taskText(`{"payload":"${words}`, key);
  await stage.taskText(`{"payload":"${words}","region":"\\u0001"}`, key);
  await stage.task(words, {}, { 'X-API-Key': `${words}` });
  await stage.heartbeat({ token: words, region: 'r' });
  await stage.heartbeat(`{"token":"${token}","region":"${words}`);
  const socket = await stage.socketWorker({ node_id: 'socket', region: 'other' });
  const asked = stage.begin(words, { region: 'other' }, key);
  await answer(socket, secret, { status: 999 });
  await asked.over();
  socket.say({ type: 'task_response', payload: { task_id: words, response: secret } });
  socket.say({ type: 'register', payload: { token: words, region: 'other' } });
  expect((await socket.end())?.code).toBe(4401);
  const loose = await stage.socket();
  loose.say(`${words}`, { type: 'register', payload: { token, region: '' } }, { type: words });
  await loose.next();
  const { events } = stage.server;
  for (const event of [
    'worker_joined',
    'key_refused',
    'worker_refused',
    'token_refused',
    'worker_left',
  ])
    expect(events.map((one) => one.event)).toContain(event);
  expect(stage.server.output).not.toContain(secret);
  expect(stage.server.output).not.toContain('the-key-of-a-caller');
});

test('a name that means something to a terminal is harmless in the log', async () => {
  await stage.start();
  await stage.register(1001, { node_id: 'quoted "name" {}\u2028' });
  const joined = await until('its event', () =>
    stage.server.events.find(({ node_id: id }) => id === 'quoted "name" {}\u2028'),
  );
  expect(joined.event).toBe('worker_joined');
});
