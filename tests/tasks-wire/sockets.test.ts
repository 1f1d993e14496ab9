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
import { frame, opcodes, RawClient } from '../support/raw.ts';
import { answer, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start());
afterEach(() => stage.clear());
afterAll(() => stage.stop());

const register = (more: object = {}) => ({
  type: 'register',
  payload: { token, region: stage.region, ...more },
});

function malformed(detail: unknown) {
  return { type: 'error', payload: { message: 'Malformed frame.', detail } };
}

describe('register', () => {
  test('is answered with the name, the given one or one of ours', async () => {
    const given = await stage.socket();
    given.say(register({ node_id: 'given', weight: 3, max_concurrency: 2 }));
    expect(await given.next()).toEqual({
      type: 'registered',
      payload: { status: 'ok', node_id: 'given' },
    });
    expect(await stage.entryThat('given', () => true)).toMatchObject({
      protocol: 'websocket',
      region: stage.region,
      weight: 3,
      max_concurrency: 2,
    });
    const addressed = await stage.socket();
    addressed.say(register({ ip: '192.168.1.100', port: 3000 }));
    expect((await addressed.next()).payload.node_id).toBe('192.168.1.100:3000');
    const nameless = await stage.socket();
    nameless.say(register());
    expect((await nameless.next()).payload.node_id).toMatch(/^ws-[0-9a-f-]{36}$/);
    expect((await stage.status()).regions[stage.region]).toEqual({ clients: 3, active: 3 });
  });

  test('needs no address that we could reach, and takes any', async () => {
    for (const ip of ['localhost', '169.254.169.254', '127.0.0.1', 'my laptop']) {
      const socket = await stage.socket();
      socket.say(register({ ip }));
      expect((await socket.next()).type).toBe('registered');
    }
  });

  test('again changes region, weight and bound, not the name', async () => {
    const worker = await stage.socketWorker({ node_id: 'again' });
    const asked = stage.begin();
    worker.say(register({ region: 'new', weight: 7 }));
    const frames = [await worker.next(), await worker.next()];
    expect(frames.map(({ type }) => type).toSorted()).toEqual(['registered', 'task']);
    expect((await stage.status()).regions).toEqual({ new: { clients: 1, active: 1 } });
    worker.say(register({ node_id: 'other' }));
    expect(await worker.next()).toEqual({
      type: 'error',
      payload: { message: 'Already registered under another node_id.' },
    });
    const { task_id } = frames.find(({ type }) => type === 'task')!;
    worker.say({ type: 'task_response', payload: { task_id, response: 'kept' } });
    expect((await asked.over()).text).toBe('"kept"');
  });

  test('under the name of another worker ends the other with 4410', async () => {
    const one = await stage.socketWorker({ node_id: 'same' });
    await stage.socketWorker({ node_id: 'same' });
    expect(await one.end()).toEqual({ code: 4410, reason: 'replaced' });
    expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1, active: 1 });
  });

  test.each(['', 'x', `${token}x`, token.toUpperCase()])(
    'with the token %p is an error, and ends with 4401',
    async (wrong) => {
      const socket = await stage.socket();
      socket.say(register({ token: wrong, node_id: 'nobody' }));
      expect(await socket.next()).toEqual({
        type: 'error',
        payload: { message: 'Invalid token.' },
      });
      expect(await socket.end()).toEqual({ code: 4401, reason: 'Invalid token.' });
      expect((await stage.status()).clients).toBe(0);
    },
  );

  test.each(
    [
      ['{"type":"register"}', ''],
      ['{"type":"register","payload":null}', ''],
      ['{"type":"register","payload":[]}', ''],
      ['{"type":"register","payload":{}}', 'token: '],
      ['{"type":"register","payload":{"token":"t"}}', 'region: '],
      ['{"type":"register","payload":{"token":"t","region":""}}', 'region: '],
      ['{"type":"register","payload":{"token":"t","region":"r","weight":0}}', 'weight: '],
      ['{"type":"register","payload":{"token":"t","region":"r","port":65536}}', 'port: '],
      ['{"type":"register","payload":{"token":"t","region":"r","node_id":"\\u0007"}}', 'node_id: '],
      [
        `{"type":"register","payload":{"token":"t","region":"r","ip":"${'1'.repeat(256)}"}}`,
        'ip: ',
      ],
    ].map(([text, detail]) => [text!.slice(0, 99), text!, detail!]),
  )('as %s is an error, and may be said again', async (_, text, detail) => {
    const socket = await stage.socket();
    socket.say(text, register());
    expect(await socket.next()).toEqual(malformed(expect.stringMatching(new RegExp(`^${detail}`))));
    expect((await socket.next()).type).toBe('registered');
  });
});

describe('what is not understood', () => {
  test.each(
    [
      ['x', 'not JSON'],
      ['', 'not JSON'],
      ['null', 'type: register, heartbeat or task_response'],
      ['5', 'type: register, heartbeat or task_response'],
      ['[]', 'type: register, heartbeat or task_response'],
      ['{}', 'type: register, heartbeat or task_response'],
      ['{"type":"Register"}', 'type: register, heartbeat or task_response'],
      ['{"type":["register"]}', 'type: register, heartbeat or task_response'],
      ['{"type":"task","task_id":"x"}', 'type: register, heartbeat or task_response'],
      ['{"type":"task_response"}', 'task_id: the task_id of the task'],
      ['{"type":"task_response","payload":null}', 'task_id: the task_id of the task'],
      ['{"type":"task_response","payload":{"task_id":5}}', 'task_id: the task_id of the task'],
      [`{"type":${'['.repeat(65)}${']'.repeat(65)}}`, 'deeper than server.json_depth_max'],
    ].map(([text, detail]) => [text!.slice(0, 60), text!, detail!]),
  )('as %s, is an error before and after register', async (_, text, detail) => {
    const socket = await stage.socket();
    socket.say(text, register(), text);
    expect(await socket.next()).toEqual(malformed(detail));
    expect((await socket.next()).type).toBe('registered');
    expect(await socket.next()).toEqual(malformed(detail));
  });

  test('as a binary frame, is an error', async () => {
    const worker = await stage.socketWorker();
    worker.write(frame(JSON.stringify({ type: 'heartbeat' }), { opcode: opcodes.binary }));
    expect(await worker.next()).toEqual(malformed('not text'));
    worker.say({ type: 'heartbeat' });
    expect((await worker.next()).type).toBe('heartbeat_ack');
  });
});

test('a heartbeat is acknowledged with the time, whatever its payload', async () => {
  const worker = await stage.socketWorker();
  for (const more of [{ payload: {} }, {}, { payload: { node_id: 'x', load: 0.5 } }]) {
    worker.say({ type: 'heartbeat', ...more });
    const ack = await worker.next();
    expect(ack).toEqual({ type: 'heartbeat_ack', payload: { timestamp: expect.any(String) } });
    const { timestamp } = ack.payload;
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(timestamp) - Date.now())).toBeLessThan(10_000);
  }
});

test('a heartbeat or an answer before register is an error', async () => {
  const socket = await stage.socket();
  const response = { type: 'task_response', payload: { task_id: 'x', response: 1 } };
  socket.say({ type: 'heartbeat', payload: {} }, response);
  const error = { type: 'error', payload: { message: 'Not registered.' } };
  expect([await socket.next(), await socket.next()]).toEqual([error, error]);
});

describe('an answer to a task', () => {
  test('that is over, that is none, or that is somebody else’s is dropped and counted', async () => {
    const [mine, thief] = [
      await stage.socketWorker(),
      await stage.socketWorker({ node_id: 'thief', region: 'elsewhere' }),
    ];
    const asked = stage.begin();
    const { task_id } = await mine.next(({ type }) => type === 'task');
    const steal = (id: string) => ({
      type: 'task_response',
      payload: { task_id: id, response: 'stolen' },
    });
    thief.say(steal(task_id), steal('no such task'), steal(''), steal(task_id));
    await stage.entryThat('thief', ({ dropped }) => dropped === 4);
    expect(asked.head).toBe('');
    mine.say({ type: 'task_response', payload: { task_id, response: 'mine' } });
    expect((await asked.over()).text).toBe('"mine"');
    // Nothing is said back.
    thief.say({ type: 'heartbeat' });
    expect((await thief.next()).type).toBe('heartbeat_ack');
  });

  test('counts once, and nothing is said of the second one', async () => {
    const worker = await stage.socketWorker();
    const asked = stage.begin();
    const id = await answer(worker, 'first');
    const second = { type: 'task_response', payload: { task_id: id, response: 'second' } };
    worker.say(second, { type: 'heartbeat' });
    expect((await asked.over()).text).toBe('"first"');
    expect((await worker.next()).type).toBe('heartbeat_ack');
  });

  test('is not taken after the deadline, at which the task is cancelled', async () => {
    const worker = await stage.socketWorker();
    const refused = await stage.task(1, { timeout_ms: 100 });
    expect([refused.status, refused.json.error]).toEqual([
      504,
      'No worker answered in time (timeout_ms).',
    ]);
    const { task_id } = await worker.next(({ type }) => type === 'task');
    expect(task_id).toBe(refused.json.task_id);
    expect(await worker.next()).toEqual({ type: 'cancel', task_id });
    const late = { type: 'task_response', payload: { task_id, response: 1 } };
    worker.say(late, { type: 'heartbeat' });
    expect((await worker.next()).type).toBe('heartbeat_ack');
  });
});

test('a worker that leaves is no client any more', async () => {
  const worker = await stage.socketWorker({ node_id: 'leaver' });
  worker.write(frame(Buffer.from([0x03, 0xe8]), { opcode: opcodes.close }));
  await worker.end();
  await until('its end', async () => (await stage.status()).regions[stage.region] === undefined);
  const left = stage.server.events.find(
    ({ event, node_id: id }) => event === 'worker_left' && id === 'leaver',
  );
  expect(left).toMatchObject({ part: 'tasks', why: 'closed 1000' });
});

test('a plain GET of /ws is told to upgrade', async () => {
  const said = await stage.get('/ws');
  expect([said.status, said.headers.upgrade]).toEqual([426, 'websocket']);
  expect(said.json).toEqual({ message: 'This address speaks WebSocket.', code: 426 });
});

test('a foreign Origin may not upgrade', async () => {
  const headers = { Origin: 'https://evil.example' };
  const client = await RawClient.ask(stage.port, { path: '/ws', headers });
  expect(client.status).toBe(403);
  client.destroy();
});
