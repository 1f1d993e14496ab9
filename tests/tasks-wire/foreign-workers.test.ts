import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { until } from '../support/moonstead.ts';
import { Stage, token } from '../support/tasks.ts';

const exampleToken = 'supersecrettokenox0';
const stage = new Stage();

/** The source document's own tokens, and pings that a worker must answer within 400 ms. */
beforeAll(() =>
  stage.start({ tokens: [exampleToken, token], ws: { heartbeat_interval: '200ms' } }),
);
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** Its WebSocket example, word for word. */
const example = `const WebSocket = require('ws');
const client = new WebSocket('ws://localhost:8080/ws');
client.on('open', () => {
  // Register client
  client.send(JSON.stringify({
    type: 'register',
    payload: {
      ip: '192.168.1.100',
      node_id: 'node-002',
      token: 'supersecrettokenox0',
      region: 'us-west',
      port: 3000
    }
  }));
});
client.on('message', (data) => {
  const message = JSON.parse(data);
  console.log('Received:', message);
});`;

/** Runs it in Node, with its port replaced and `more` behind it, until it has registered. */
async function runExample(more = '') {
  const code = `${example.replace('8080', String(stage.port))}\n${more}`;
  const words = ['node', '--input-type=commonjs', '-e', code];
  return stage.program(words, { cwd: join(import.meta.dir, '../..') });
}

test("the source document's WebSocket client registers, lives by its pongs, and is sent tasks", async () => {
  const { lines, child } = await runExample();
  await until('its answer', () => lines.join(' ').includes('}'));
  expect(lines.join('\n')).toBe(
    "Received: { type: 'registered', payload: { status: 'ok', node_id: 'node-002' } }",
  );
  expect((await stage.status()).regions['us-west']).toEqual({ clients: 1, active: 1 });
  const first = await stage.entryThat('node-002', () => true);
  expect(first).toMatchObject({ protocol: 'websocket', health: 'healthy', in_flight: 0 });
  // Many intervals later it lives, though it never says a word.
  const much = Date.parse(first.last_seen) + 800;
  await stage.entryThat('node-002', ({ last_seen: seen }) => Date.parse(seen) > much);
  const { status, json } = await stage.task({ a: 1 }, { region: 'us-west', timeout_ms: 300 });
  expect([status, json.error]).toEqual([504, 'No worker answered in time (timeout_ms).']);
  await until('the cancel', () => lines.join(' ').includes('cancel'));
  const said = lines.slice(1).join('\n');
  expect(said).toContain(`type: 'task',\n  task_id: '${json.task_id}',\n  payload: { a: 1 }`);
  expect(said).toContain(`{ type: 'cancel', task_id: '${json.task_id}' }`);
  child.kill('SIGKILL');
  await until('its end', async () => (await stage.status()).regions['us-west'] === undefined);
});

test("the source document's WebSocket client with an answer of its own does the work", async () => {
  await runExample(`client.on('message', (data) => {
    const { type, task_id, payload } = JSON.parse(data);
    if (type !== 'task') return;
    const response = { status: 'completed', result: payload.data };
    client.send(JSON.stringify({ type: 'task_response', payload: { task_id, response } }));
  });`);
  const payload = { action: 'process_data', data: { message: 'Hello' } };
  const { status, json, headers } = await stage.task(payload, { region: 'us-west' });
  expect([status, json]).toEqual([200, { status: 'completed', result: { message: 'Hello' } }]);
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-worker-id': 'node-002' });
});

test("a Node server with the source document's Express handler is given {payload}", async () => {
  const { port } = await stage.nodeWorker('answer');
  const nodeId = await stage.register(port, { token: exampleToken });
  for (const payload of [{ action: 'a' }, 'text', 5, null, [1, 'ö']]) {
    const { status, json, headers, isWhole } = await stage.task(payload);
    expect([status, isWhole]).toEqual([200, true]);
    expect(json).toEqual({ status: 'completed', result: { seen: payload } });
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-powered-by': 'Express',
      'x-worker-id': nodeId,
      'x-task-attempts': '1',
    });
  }
});

test.skipIf(!Bun.which('python3')).each(['HTTP/1.0', 'HTTP/1.1'])(
  'a Python server that speaks %s works',
  async (version) => {
    const program = join(import.meta.dir, '../support/python-worker.py');
    const { line } = await stage.program(['python3', program, version]);
    await stage.register(Number(line), { token: exampleToken });
    const answers = await Promise.all([1, 2, 3, 4].map((n) => stage.task({ n })));
    for (const [i, { status, json, isWhole }] of answers.entries()) {
      expect([status, isWhole]).toEqual([200, true]);
      expect(json).toEqual({ status: 'completed', result: { n: i + 1 } });
    }
  },
);
