import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { run } from './support/program.ts';

type Kind = 'worker-http' | 'worker-socket';

const token = 'supersecrettokenox0';
const hash = { action: 'hash', text: 'a secret' };
const hashed = new Bun.CryptoHasher('sha256').update(hash.text).digest('hex');
const clean = { code: 0, signal: null };

let server: Moonstead;
let regions = 0;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  server = await Moonstead.start();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => server.stop('SIGKILL'));

function start(kind: Kind, args: string[], env: Record<string, string> = { TASK_TOKEN: token }) {
  const own = kind === 'worker-http' ? ['--port', '0', '--heartbeat-ms', '50'] : [];
  const program = run([`examples/${kind}/worker.ts`, '--back-off-ms', '5', ...own, ...args], env);
  ends.push(() => {
    program.signal('SIGKILL');
    return program.ended;
  });
  return program;
}

/** A worker that is registered, in a region of its own unless one is given. */
async function register(
  kind: Kind,
  args: string[] = [],
  region = `region-${++regions}`,
  url = server.http,
) {
  const nodeId = `node-${++regions}`;
  const flags = ['--server', url, '--region', region, '--node-id', nodeId];
  const program = start(kind, [...flags, ...args]);
  await until(`${nodeId} to register`, () => program.err().includes(`as ${nodeId}\n`));
  return { program, region, nodeId };
}

function ask(
  region: string,
  payload: unknown,
  {
    url = server.http,
    signal,
    ...more
  }: { url?: string; signal?: AbortSignal; [x: string]: unknown } = {},
): Promise<Response> {
  return fetch(`${url}/task/request`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ region, payload, ...more }),
    signal: signal ?? null,
  });
}

async function tasksInFlight(): Promise<number> {
  const status = (await (await fetch(`${server.http}/status`)).json()) as { tasks: number };
  return status.tasks;
}

describe.each(['worker-http', 'worker-socket'] as const)('%s', (kind) => {
  test('registers, does its jobs, and prints a line each without what was in it', async () => {
    const { program, region, nodeId } = await register(kind);
    const first = await ask(region, hash);
    expect(first.status).toBe(200);
    expect(first.headers.get('X-Worker-Id')).toBe(nodeId);
    expect(await first.json()).toEqual({ status: 'completed', result: hashed });
    const second = await ask(region, { action: 'count', text: 'a secret\n' });
    const result = { words: 2, lines: 1, characters: 9 };
    expect(await second.json()).toEqual({ status: 'completed', result });
    await until('two lines', () => program.lines().length === 2);
    const ids = [first, second].map(({ headers }) => headers.get('X-Task-Id'));
    expect(program.lines()).toEqual([
      expect.stringMatching(new RegExp(`^${ids[0]} hash \\d+ ms$`)),
      expect.stringMatching(new RegExp(`^${ids[1]} count \\d+ ms$`)),
    ]);
  });

  test('answers a bad job with 400 and what is wrong', async () => {
    const { region, nodeId } = await register(kind);
    for (const [payload, error] of [
      [{ action: 'sing', text: 'x' }, 'action: hash or count'],
      [{ action: 'hash' }, 'text: a string'],
      [null, 'action: hash or count'],
    ]) {
      const response = await ask(region, payload);
      expect([response.status, response.headers.get('X-Worker-Id')]).toEqual([400, nodeId]);
      expect(await response.json()).toEqual({ error });
    }
  });

  test('does many jobs at a time, and mixes up none', async () => {
    const { region } = await register(kind, ['--take-ms', '100']);
    const texts = Array.from({ length: 50 }, (_, i) => 'x'.repeat(i));
    const answers = await Promise.all(
      texts.map(async (text) => (await ask(region, { action: 'count', text })).json()),
    );
    expect(answers.map(({ result }) => result.characters)).toEqual(texts.map((t) => t.length));
  });

  test.each(['its caller hangs up', 'its deadline has passed'])(
    'ends a job when %s',
    async (why) => {
      const { program, region } = await register(kind, ['--take-ms', '60000']);
      // From here on there is a connection: a task reaches the worker however soon it is cancelled.
      expect((await ask(region, null)).status).toBe(400);
      if (why === 'its caller hangs up') {
        const caller = new AbortController();
        const asking = ask(region, hash, { signal: caller.signal }).catch(() => 'hung up');
        await until('the task to be given out', async () => (await tasksInFlight()) === 1);
        caller.abort();
        expect(await asking).toBe('hung up');
      } else expect((await ask(region, hash, { timeout_ms: 100 })).status).toBe(504);
      await until('its line', () => program.lines().length === 2);
      expect(program.lines()[1]).toMatch(/^[\w-]{36} cancelled \d+ ms$/);
    },
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'is back after the server went by %s and came again on its port',
    async (signal) => {
      const folder = temporaryFolder();
      ends.push(() => rmSync(folder, { recursive: true, force: true }));
      const before = await Moonstead.start({ folder });
      ends.push(() => before.stop('SIGKILL'));
      const url = before.http;
      const { program, nodeId } = await register(kind, [], 'here', url);
      await before.stop(signal);
      await until('the loss to be told', () => program.err().includes('trying again in 5 ms'));
      const after = await Moonstead.start({ folder, port: before.port });
      ends.push(() => after.stop('SIGKILL'));
      await until('it to register again', () => program.err().split(`as ${nodeId}\n`).length === 3);
      const response = await ask('here', hash, { url });
      expect(await response.json()).toEqual({ status: 'completed', result: hashed });
    },
  );

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'at %s answers what it has in hand and then ends, though tasks keep coming',
    async (signal) => {
      const { program, region, nodeId } = await register(kind, ['--take-ms', '400']);
      const other = await register(kind, [], region);
      const first = [hash, hash, hash, hash].map((payload) => ask(region, payload));
      await until('the other to answer its half', async () => {
        const settled = await Promise.all(first.map((one) => Promise.race([one, 0])));
        return settled.filter((one) => one !== 0).length >= 2;
      });
      // It answers what it was given later: so it has its half in hand.
      await until('it to refuse another', async () => {
        const { headers } = await ask(region, null);
        return headers.get('X-Worker-Id') === nodeId;
      });
      program.signal(signal);
      await until('that to be told', () => program.err().includes('finishing what is in hand'));
      let code: number | null | undefined;
      void program.ended.then((end) => (code = end.code));
      const later: Promise<Response>[] = [];
      await until('its end', async () => {
        later.push(ask(region, hash));
        return code !== undefined;
      });
      expect(await program.ended).toEqual(clean);
      const responses = await Promise.all([...first, ...later]);
      expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
      const who = responses.map(({ headers }) => headers.get('X-Worker-Id'));
      expect(who.slice(0, 4).sort()).toEqual([nodeId, nodeId, other.nodeId, other.nodeId].sort());
      expect(who.at(-1)).toBe(other.nodeId);
    },
  );

  test('ends at once with nothing in hand, twice told or not', async () => {
    const { program } = await register(kind, ['--heartbeat-ms', '60000']);
    program.signal('SIGTERM');
    program.signal('SIGINT');
    expect(await program.ended).toEqual(clean);
  });

  test('ends while the server is away, or says nothing', async () => {
    const away = start(kind, ['--server', 'http://127.0.0.1:1', '--back-off-ms', '60000']);
    await until('that to be told', () => away.err().includes('trying again in'));
    away.signal('SIGTERM');
    expect(await away.ended).toEqual(clean);

    let connections = 0;
    const open = () => void connections++;
    const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { open, data() {} } });
    ends.push(() => mute.stop(true));
    const args = ['--server', `http://127.0.0.1:${mute.port}`, '--heartbeat-ms', '60000'];
    const waiting = start(kind, args);
    await until('it to connect', () => connections > 0);
    waiting.signal('SIGTERM');
    let end: unknown;
    void waiting.ended.then((how) => (end = how));
    await until('its end', () => end, 5_000); // a heartbeat would wait for 10 s
    expect(end).toEqual(clean);
  });

  test('tells that its token is wrong, without the token, and ends with 1', async () => {
    const wrong = start(kind, ['--server', server.http], { TASK_TOKEN: 'a-wrong-token' });
    expect(await wrong.ended).toEqual({ code: 1, signal: null });
    expect(wrong.err()).toMatch(/token.*401/i);
    expect(wrong.err() + wrong.out()).not.toContain('a-wrong-token');
  });

  test.each([
    [['--no-such-flag'], 'no-such-flag'],
    [['--server', 'nonsense'], '--server must look like'],
    [['--server', 'ftp://127.0.0.1'], '--server must look like'],
    [['--weight', 'much'], '--weight must be'],
    [['--max-concurrency', '-1'], '--max-concurrency'],
    [['--take-ms', '1.5'], '--take-ms must be'],
    [['--heartbeat-ms', '0'], '--heartbeat-ms must be'],
  ])('refuses %j with 2', async (args, reason) => {
    const program = start(kind, args);
    expect(await program.ended).toEqual({ code: 2, signal: null });
    expect(program.err()).toContain(reason);
  });

  test('refuses to start without a token; --help needs none', async () => {
    const none = start(kind, [], {});
    expect(await none.ended).toEqual({ code: 2, signal: null });
    expect(none.err()).toContain('TASK_TOKEN');
    const help = start(kind, ['--help'], {});
    expect(await help.ended).toEqual(clean);
    expect(help.out()).toStartWith('Usage: ');
  });
});

test('a worker-socket whose node_id another one takes ends with 1', async () => {
  const { program, region, nodeId } = await register('worker-socket');
  const args = ['--server', server.http, '--region', region, '--node-id', nodeId];
  const other = start('worker-socket', args);
  expect(await program.ended).toEqual({ code: 1, signal: null });
  expect(program.err()).toContain('another worker with the same node_id took this place (4410)');
  expect((await ask(region, hash)).status).toBe(200);
  other.signal('SIGTERM');
  expect(await other.ended).toEqual(clean);
});

test('what the server refuses of a worker is told, and ends one on HTTP with 1', async () => {
  const args = ['--server', server.http, '--weight', '101'];
  const http = start('worker-http', args);
  expect(await http.ended).toEqual({ code: 1, signal: null });
  expect(http.err()).toContain('Malformed heartbeat. weight: 1 to 100 (400)');
  const socket = start('worker-socket', [...args, '--heartbeat-ms', '50']);
  await until('that to be told', () => socket.err().includes('weight: 1 to 100\n'));
  await until('it to try again', () => socket.err().includes('trying again in'));
});
