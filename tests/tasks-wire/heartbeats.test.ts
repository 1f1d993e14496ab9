import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { networkInterfaces } from 'node:os';
import { answerJson, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start());
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const least = { token, region: 'usa' };

describe('a heartbeat', () => {
  test('registers, and says under which name', async () => {
    const first = { ...least, ip: '10.1.2.3', node_id: 'node-001', port: 3000 };
    const more = { weight: 100, max_concurrency: 7, version: '1.2', tags: ['unknown'] };
    const said = await stage.heartbeat(first);
    expect([said.status, said.text]).toEqual([200, '{"status":"registered","node_id":"node-001"}']);
    expect(said.headers['content-type']).toMatch(/^application\/json/);
    expect((await stage.heartbeat({ ...least, node_id: 'more', ...more })).status).toBe(200);
    const entry = {
      node_id: 'node-001',
      protocol: 'http',
      region: 'usa',
      weight: 1,
      max_concurrency: 0,
      health: 'healthy',
      in_flight: 0,
      last_seen: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      latency_ms: null,
      dropped: 0,
    };
    expect(await stage.entryThat('node-001', () => true)).toEqual(entry);
    const other = { ...entry, node_id: 'more', weight: 100, max_concurrency: 7 };
    expect(await stage.entryThat('more', () => true)).toEqual(other);
  });

  test('without ip, port and node_id means the address it comes from, 3000, and both of them', async () => {
    expect((await stage.heartbeat(least)).json.node_id).toBe('127.0.0.1:3000');
    expect((await stage.heartbeat({ ...least, port: 81 })).json.node_id).toBe('127.0.0.1:81');
    expect((await stage.heartbeat({ ...least, ip: '10.0.0.9' })).json.node_id).toBe(
      '10.0.0.9:3000',
    );
    const six = await stage.heartbeat({ ...least, ip: '2001:DB8:0::1', port: 82 });
    expect(six.json.node_id).toBe('[2001:db8::1]:82');
  });

  test('from the same address keeps the tasks in hand; from another one it replaces', async () => {
    const one = await stage.httpWorker(() => {}, { node_id: 'n' });
    await stage.httpWorker(answerJson('1'), { region: 'elsewhere' });
    const asked = stage.begin();
    await one.request();
    await stage.register(one.port, { node_id: 'n' });
    expect(await stage.status()).toMatchObject({ clients: 2, tasks: 1 });
    const two = await stage.httpWorker(answerJson('"two"'), { node_id: 'n' });
    expect((await stage.task()).text).toBe('"two"');
    await stage.entryThat('n', ({ in_flight: n }) => n === 0);
    expect(two.seen).toHaveLength(1);
    // What the one before it has in hand is still its own.
    answerJson('"one"')(one.seen[0]!);
    expect((await asked.over()).text).toBe('"one"');
    expect((await stage.status()).clients).toBe(2);
  });

  test('replaces a WebSocket worker of that name, whose socket ends', async () => {
    const socket = await stage.socketWorker({ node_id: 'n' });
    await stage.httpWorker(answerJson('"http"'), { node_id: 'n' });
    expect(await socket.end()).toEqual({ code: 4410, reason: 'replaced' });
    expect((await stage.task()).text).toBe('"http"');
    expect((await stage.status()).clients).toBe(1);
  });
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

test.skipIf(!hasIPv6)('a worker at an IPv6 address is given tasks there', async () => {
  const said: unknown[] = [];
  const answer = (request: Request) => {
    said.push(request.headers.get('host'));
    return new Response('from ::1');
  };
  const worker = Bun.serve({ hostname: '::1', port: 0, fetch: answer });
  stage.guest(worker, (one) => one.stop(true));
  expect(await stage.register(worker.port!, { ip: '0:0::1' })).toBe(`[::1]:${worker.port}`);
  expect((await stage.task()).text).toBe('from ::1');
  expect(said).toEqual([`[::1]:${worker.port}`]);
});

describe('where a worker may be', () => {
  test('at loopback, in any spelling, if the heartbeat came from there', async () => {
    for (const ip of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      expect((await stage.heartbeat({ ...least, ip })).status).toBe(200);
    const forwarded = { 'X-Forwarded-For': '127.0.0.1' };
    expect((await stage.heartbeat({ ...least, ip: '10.0.0.1' }, forwarded)).status).toBe(200);
  });
});
