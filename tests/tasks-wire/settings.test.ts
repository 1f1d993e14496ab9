import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { answer, answerJson, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();
const least = { token, region: 'usa' };

afterEach(() => stage.stop());

test('"work_body": "payload" sends workers the bare payload', async () => {
  await stage.start({ work_body: 'payload' });
  const worker = await stage.httpWorker(answerJson('1'));
  const text = '{"big":9007199254740993, "a":[]}';
  await stage.taskText(`{"region":"${stage.region}","payload": ${text} }`);
  expect(worker.seen[0]!.body).toBe(text);
  expect(worker.seen[0]!.headers['content-length']).toBe(String(text.length));
});

test('with task_keys callers need one, as X-API-Key or Bearer; workers and readers do not', async () => {
  const [first, second] = ['first-key-of-a-caller', 'second-key-of-a-caller'];
  await stage.start({ task_keys: [first, second] });
  const worker = await stage.httpWorker(answerJson('"done"'));
  for (const [name, value] of [
    ['X-API-Key', first],
    ['x-api-key', second],
    ['Authorization', `Bearer ${first}`],
    ['Authorization', `bearer ${second}`],
  ])
    expect((await stage.task(1, {}, { [name!]: value })).text).toBe('"done"');
  for (const [name, value] of [
    ['X-Other', first],
    ['X-API-Key', ''],
    ['X-API-Key', 'first-key-of-a-calleR'],
    ['X-API-Key', `${first} x`],
    ['X-API-Key', token],
    ['Authorization', first],
    ['Authorization', `Basic ${first}`],
    ['Authorization', 'Bearer '],
  ]) {
    const refused = await stage.task(1, {}, { [name!]: value });
    expect([refused.status, refused.json]).toEqual([
      401,
      { error: 'Invalid or missing API key.', task_id: refused.headers['x-task-id'] },
    ]);
  }
  // Before anything else of the request is looked at.
  expect((await stage.taskText('{', { 'Content-Type': 'text/plain' })).status).toBe(401);
  expect(worker.seen).toHaveLength(4);
  expect((await stage.get('/status')).status).toBe(200);
  expect(stage.server.output).not.toContain(first);
  expect(stage.server.output).not.toContain(second);
});

test('workers may only be in allowed_networks', async () => {
  await stage.start({ allowed_networks: ['10.0.0.0/8', '2001:db8::/32'] });
  for (const [ip, status] of [
    ['10.255.0.1', 200],
    ['::ffff:10.0.0.1', 200],
    ['2001:db8::7', 200],
    ['11.0.0.1', 403],
    ['2001:db9::7', 403],
    ['127.0.0.1', 403],
    ['169.254.1.1', 403],
  ] as const)
    expect([ip, (await stage.heartbeat({ ...least, ip })).status]).toEqual([ip, status]);
});

test('behind a trusted proxy a worker is where that says it is', async () => {
  await stage.start({}, 'trusted_proxies = ["127.0.0.1"]\n[gateway]\nwebsocket = "own-key"\n');
  const said = await stage.heartbeat(least, { 'X-Forwarded-For': '10.7.7.7' });
  expect(said.json.node_id).toBe('10.7.7.7:3000');
});

test('workers_max refuses with 503 those that are new, and nobody else', async () => {
  await stage.start({ workers_max: 2 });
  await stage.register(1000, { node_id: 'a' });
  await stage.socketWorker({ node_id: 'b' });
  const refused = await stage.heartbeat({ ...least, node_id: 'c' });
  expect([refused.status, refused.json]).toEqual([
    503,
    { error: 'Too many workers (workers_max).' },
  ]);
  expect(refused.headers['retry-after']).toBe('5');
  const socket = await stage.socket();
  socket.say({ type: 'register', payload: { ...least, node_id: 'd' } });
  expect((await socket.next()).payload).toEqual({ message: 'Too many workers (workers_max).' });
  // One of those that are there, from the same address and from another.
  expect(await stage.register(1000, { node_id: 'a' })).toBe('a');
  expect(await stage.register(1001, { node_id: 'a' })).toBe('a');
});

test('a worker without heartbeats is gone after gone_after, forgotten after forget_after', async () => {
  await stage.start({ gone_after: '400ms', forget_after: '1s' });
  const worker = await stage.httpWorker(answerJson('1'), { node_id: 'n' });
  const { region } = stage;
  const socket = await stage.socketWorker({ node_id: 'silent', region: 'elsewhere' });
  const active = async (count: number) =>
    until(`${count} to be active`, async () => {
      const { regions } = await stage.status();
      return regions[region]?.active === count && regions[region].clients === 1;
    });
  await active(0);
  expect(await stage.entry('n')).toMatchObject({ health: 'gone' });
  // A WebSocket worker needs no heartbeat; it is the only one left.
  const asked = stage.begin();
  await answer(socket, 'from afar');
  expect((await asked.over()).text).toBe('"from afar"');
  expect(worker.seen).toEqual([]);
  await stage.register(worker.port, { node_id: 'n' });
  await active(1);
  await active(0);
  await until('it to be forgotten', async () => (await stage.status()).clients === 1);
  const events = stage.server.events.filter(({ node_id: id }) => id === 'n');
  const names = events.map(({ event, why }) => (why ? `${event}: ${why}` : event));
  expect(names).toEqual(['worker_joined', 'worker_gone', 'worker_gone', 'worker_left: forgotten']);
});

test('tasks_max refuses with 503 what is more, and frees up', async () => {
  await stage.start({ tasks_max: 3, body_timeout: '400ms', task_body_mb: 1 });
  const worker = await stage.httpWorker(() => {});
  const held = [1, 2, 3].map((n) => stage.begin(n));
  await worker.request(3);
  const refused = await stage.task(4);
  expect([refused.status, refused.headers['retry-after'], refused.json]).toEqual([
    503,
    '5',
    { error: 'Too many tasks in flight (tasks_max).', task_id: refused.headers['x-task-id'] },
  ]);
  expect(worker.seen).toHaveLength(3);
  for (const caller of held) caller.destroy();
  await stage.quiet();
  await stage.stillServes();
});
