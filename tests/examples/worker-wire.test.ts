import { afterEach, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { run } from './support/program.ts';

type Kind = 'worker-http' | 'worker-socket';

const token = 'a-token';
const registered = { type: 'registered', payload: { status: 'ok', node_id: 'given' } };
const task = { type: 'task', task_id: 'id-1', payload: { action: 'hash', text: '' } };
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function start(kind: Kind, url: string, args: string[] = []) {
  const port = kind === 'worker-http' && !args.includes('--port') ? ['--port', '0'] : [];
  const words = [
    `examples/${kind}/worker.ts`,
    '--server',
    url,
    '--back-off-ms',
    '5',
    ...port,
    ...args,
  ];
  const program = run(words, { TASK_TOKEN: token });
  ends.push(() => {
    program.signal('SIGKILL');
    return program.ended;
  });
  return program;
}

/**
 * A server that says what a test wants: `answer` to a request, by its number from 1, if it is not to
 * succeed; `replies` to the frames of a WebSocket, by their types.
 */
function fake(
  answer: (request: number) => Response | undefined,
  replies: Record<string, object[]> = { register: [registered] },
) {
  const registrations: unknown[] = [];
  const heard: string[] = [];
  const paths: string[] = [];
  const listener = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, self) {
      paths.push(new URL(request.url).pathname);
      const refusal = answer(paths.length);
      if (refusal) return refusal;
      if (self.upgrade(request)) return undefined;
      registrations.push(await request.json());
      return Response.json({ status: 'registered', node_id: 'given' });
    },
    websocket: {
      message(ws, text) {
        const { type, payload } = JSON.parse(String(text));
        heard.push(type);
        if (type === 'register') registrations.push(payload);
        for (const reply of replies[type] ?? []) ws.send(JSON.stringify(reply));
      },
    },
  });
  ends.push(() => listener.stop(true));
  return { url: `http://127.0.0.1:${listener.port}`, registrations, paths, heard };
}

describe.each(['worker-http', 'worker-socket'] as const)('%s', (kind) => {
  test('says of itself what its flags say, at the path that is meant', async () => {
    const { url, registrations, paths } = fake(() => undefined);
    const flags = ['--region', 'r', '--node-id', 'n', '--weight', '7', '--max-concurrency', '3'];
    const http = kind === 'worker-http';
    const program = start(kind, url, [...flags, ...(http ? ['--ip', '10.0.0.9'] : [])]);
    await until('it to register', () => program.err().includes('as given\n'));
    const said = { token, region: 'r', node_id: 'n', weight: 7, max_concurrency: 3 };
    const place = http ? { ip: '10.0.0.9', port: expect.any(Number) } : {};
    expect(registrations[0]).toEqual({ ...said, ...place });
    expect(paths[0]).toBe(http ? '/client/heartbeat' : '/ws');
    const elsewhere = start(kind, `${url}/behind/a/proxy`);
    await until('the other to register', () => elsewhere.err().includes('as given\n'));
    expect(paths).toContain('/behind/a/proxy');
  });

  test('waits longer after each refusal that may pass, and follows no redirect', async () => {
    const refusals = [503, 502, 307].map(
      (status) => new Response('no', { status, headers: { Location: '/elsewhere' } }),
    );
    const { url, registrations, paths } = fake((request) => refusals[request - 1]);
    const program = start(kind, url);
    await until('it to register', () => program.err().includes('as given\n'));
    expect(program.err().match(/trying again in \d+/g)).toEqual([
      'trying again in 5',
      'trying again in 10',
      'trying again in 20',
    ]);
    expect(paths).not.toContain('/elsewhere');
    expect(registrations[0]).toMatchObject({ token, region: 'global' });
  });
});

test('worker-http shows again and again that it is there', async () => {
  const { url, registrations } = fake(() => undefined);
  const program = start('worker-http', url, ['--heartbeat-ms', '5']);
  await until('five heartbeats', () => registrations.length >= 5);
  expect(new Set(registrations.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(program.err()).toBe(`worker: registered at ${url} as given\n`);
});

describe('the port of worker-http', () => {
  async function listening(args: string[] = []) {
    const { url, registrations } = fake(() => undefined);
    const program = start('worker-http', url, args);
    await until('it to register', () => registrations.length > 0);
    const { port } = registrations[0] as { port: number };
    return { program, port, at: `http://127.0.0.1:${port}` };
  }

  test('answers GET /health, and nothing that it does not know', async () => {
    const { at } = await listening();
    const health = await fetch(`${at}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'healthy' }]);
    expect((await fetch(`${at}/work`)).status).toBe(404);
    expect((await fetch(at, { method: 'POST', body: '{}' })).status).toBe(404);
  });

  test('takes no work from a web page, and no id that a terminal would obey', async () => {
    const { program, at } = await listening();
    const post = (type: string, body: string) =>
      fetch(`${at}/work`, {
        method: 'POST',
        headers: { 'Content-Type': type, 'X-Task-Id': '\x9b2J' },
        body,
      });
    expect((await post('text/plain', '{"payload":{"action":"hash","text":""}}')).status).toBe(415);
    expect((await post('application/json', '{"payload":')).status).toBe(400);
    expect((await post('application/json', '{"payload":{"action":"hash","text":""}}')).status).toBe(
      200,
    );
    await until('two lines', () => program.lines().length === 2);
    expect(program.out()).toMatch(/^- refused \d+ ms\n- hash \d+ ms\n$/);
  });

  test('can be had by one only', async () => {
    const { port } = await listening();
    const second = start('worker-http', 'http://127.0.0.1:1', ['--port', `${port}`]);
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.err()).toContain(`cannot listen on 127.0.0.1, port ${port}`);
  });
});

test('worker-socket leaves a server that gives no sign of life, and keeps its node_id', async () => {
  const { url, registrations } = fake(() => undefined, { register: [registered, task] });
  const program = start('worker-socket', url, ['--heartbeat-ms', '50', '--take-ms', '60000']);
  await until('it to come again', () => registrations.length > 1);
  expect(program.err()).toContain('trying again in 5 ms');
  expect(program.lines()[0]).toMatch(/^id-1 cancelled \d+ ms$/);
  expect(registrations.slice(0, 2)).toEqual([
    { token, region: 'global' },
    { token, region: 'global', node_id: 'given' },
  ]);
});

test('worker-socket stays with a server that lives, and answers nothing that was cancelled', async () => {
  const { url, heard } = fake(() => undefined, {
    register: [registered, task, { type: 'cancel', task_id: 'id-1' }],
    heartbeat: [{ type: 'heartbeat_ack', payload: { timestamp: '2026-01-01T00:00:00.000Z' } }],
  });
  const program = start('worker-socket', url, ['--heartbeat-ms', '200', '--take-ms', '60000']);
  await until('three heartbeats', () => heard.length > 3);
  expect(heard).toEqual(['register', 'heartbeat', 'heartbeat', 'heartbeat']);
  expect(program.out()).toMatch(/^id-1 cancelled \d+ ms\n$/);
});
