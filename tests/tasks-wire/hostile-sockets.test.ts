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
import { closeFrame, frame, opcodes, type RawClient } from '../support/raw.ts';
import { answer, noise, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start({ answer_mb: 1, ws: { heartbeat_interval: '5s' } }));
afterEach(() => stage.clear());
afterAll(async () => {
  await stage.stillServes();
  await stage.stop();
});

const registers = () =>
  frame(JSON.stringify({ type: 'register', payload: { token, region: stage.region } }));
const half = frame('{"type":"task_response","payload":{"task_id":"x"').subarray(0, 20);

describe('frames against the protocol end the socket, and its worker', () => {
  test.each<[string, () => Uint8Array]>([
    ['unmasked', () => frame('{}', { masked: false })],
    ['with a reserved bit', () => frame('{}', { rsv: 4 })],
    ['with an unknown opcode', () => frame('{}', { opcode: 3 })],
    ['that continue nothing', () => frame('{}', { opcode: opcodes.continuation })],
    ['with an endless length', () => frame('{}', { length: 2n ** 63n - 1n, lengthBytes: 8 })],
    ['that are not UTF-8', () => frame(Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
    ['a ping in two parts', () => frame('', { opcode: opcodes.ping, fin: false })],
    ['a close with half a code', () => frame([3], { opcode: opcodes.close })],
    ['noise', () => noise(4096).fill(0xff, 0, 2)],
  ])('%s', async (_what, bytes) => {
    const { region } = stage;
    for (const isRegistered of [false, true]) {
      const socket = isRegistered ? await stage.socketWorker() : await stage.socket();
      socket.write(bytes());
      await socket.end();
    }
    await until('its end', async () => (await stage.status()).regions[region] === undefined);
  });
});

test.each<[string, (client: RawClient) => void]>([
  ['right after the upgrade', () => {}],
  ['in the middle of register', (client) => client.write(registers().subarray(0, 25))],
  ['right after register', (client) => client.write(registers())],
  ['in the middle of an answer', (client) => client.write(registers(), half)],
  ['between two fragments', (client) => client.write(registers(), frame('{', { fin: false }))],
  ['with its close and more behind', (client) => client.write(registers(), closeFrame(1000), half)],
])('a worker may go %s, by a reset or a FIN', async (_when, act) => {
  const { region } = stage;
  const [reset, fin] = await Promise.all([stage.socket(), stage.socket()]);
  act(reset);
  act(fin);
  reset.destroy();
  fin.socket.end();
  await fin.end();
  await until('their ends', async () => (await stage.status()).regions[region] === undefined);
});

test('a flood of answers to tasks it does not have is dropped and counted; others are served', async () => {
  const flooder = await stage.socketWorker({ node_id: 'flooder', region: 'elsewhere' });
  const mine = await stage.socketWorker();
  const asked = stage.begin();
  const { task_id } = await mine.next(({ type }) => type === 'task');
  const foreign = frame(
    JSON.stringify({ type: 'task_response', payload: { task_id, response: 'x'.repeat(500) } }),
  );
  const times = 20_000;
  for (let i = 0; i < times / 1000; i++)
    flooder.socket.write(Buffer.concat(Array(1000).fill(foreign)));
  await stage.stillServes();
  mine.say({ type: 'task_response', payload: { task_id, response: 'mine' } });
  expect((await asked.over()).text).toBe('"mine"');
  expect((await stage.entryThat('flooder', ({ dropped }) => dropped === times)).health).toBe(
    'healthy',
  );
  expect(flooder.frames.filter(({ type }) => type === 'error')).toEqual([]);
});

test('a flood of nonsense is answered while it is read, and not kept while it is not', async () => {
  const flooder = await stage.socket();
  const nonsense = Buffer.concat(Array(1000).fill(frame('{"type":"what"}')));
  for (let i = 0; i < 20; i++) flooder.socket.write(nonsense);
  await until('its answers', () => flooder.texts.length === 20_000);
  const deaf = await stage.socketWorker();
  deaf.stopReading();
  // 100 bytes of answer to each would be 40 MB: more than the kernel and slow_mb hold.
  for (let i = 0; i < 400; i++) deaf.socket.write(nonsense);
  await stage.stillServes();
  await until('the flood to have left', () => deaf.socket.writableLength === 0);
  deaf.readOn();
  // Once it has caught up, it is answered again.
  await until('it to be heard', () => {
    deaf.say({ type: 'heartbeat' });
    return deaf.texts.at(-1)!.includes('heartbeat_ack');
  });
  expect(deaf.texts.length).toBeLessThan(400_000);
});

test('a thousand registers of one socket are one worker', async () => {
  const socket = await stage.socket();
  socket.write(...Array(1000).fill(registers()));
  await until('its answers', () => socket.texts.length === 1000);
  expect(new Set(socket.texts).size).toBe(1);
  expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1, active: 1 });
});

test('deep JSON is refused before anything is made of it', async () => {
  const worker = await stage.socketWorker();
  const asked = stage.begin();
  const { task_id } = await worker.next(({ type }) => type === 'task');
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  worker.say(`{"type":"task_response","payload":{"task_id":"${task_id}","response":${deep}}}`);
  expect((await worker.next()).payload.detail).toBe('deeper than server.json_depth_max');
  worker.say({ type: 'task_response', payload: { task_id, response: 'flat' } });
  expect((await asked.over()).text).toBe('"flat"');
});

test('ids that mean something to JavaScript are ids', async () => {
  const worker = await stage.socketWorker({ node_id: '__proto__' });
  for (const id of ['__proto__', 'constructor', 'toString'])
    worker.say({ type: 'task_response', payload: { task_id: id, response: 1 } });
  const asked = stage.begin(1, { sticky: '__proto__' });
  await answer(worker, 'well');
  expect(await asked.over()).toMatchObject({ text: '"well"', status: 200 });
  await stage.entryThat('__proto__', ({ dropped }) => dropped === 3);
});
