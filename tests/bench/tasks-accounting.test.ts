import { expect, test } from 'bun:test';
import { runLoad } from '../../bench/harness/run-load.ts';
import { freePort } from '../../bench/harness/start-server.ts';

interface Behaviour {
  /** Copies of the 12th task that its worker is sent. */
  copies?: number;
  /** The 12th task is answered like this. */
  answer?: (text: string) => Response | Promise<Response>;
  /** Answers go out in chunks. */
  chunked?: boolean;
  /** All held tasks are said to be this one's. */
  holder?: string;
}

/** A server with workers of both kinds that gets one task wrong, if told to. */
function tasksServer({ copies = 1, answer, chunked, holder }: Behaviour) {
  const workers: { node_id: string; region: string; port: number }[] = [];
  const waiting = new Map<string, (text: string) => void>();
  let socket: Bun.ServerWebSocket | undefined;
  let tasks = 0;
  let next = 0;

  async function work(region: string, payload: unknown) {
    const nth = ++tasks;
    const there = workers.filter((worker) => worker.region === region);
    const worker = there[next++ % there.length];
    let text = '';
    for (let n = 0; n < (nth === 12 ? copies : 1); n++) {
      const body = JSON.stringify({ payload });
      if (worker !== undefined) {
        const url = `http://127.0.0.1:${worker.port}/work`;
        text = await (await fetch(url, { method: 'POST', body })).text();
      } else {
        const task_id = String(nth);
        const { promise, resolve } = Promise.withResolvers<string>();
        waiting.set(task_id, resolve);
        socket!.send(JSON.stringify({ type: 'task', task_id, payload }));
        text = await promise;
      }
    }
    if (nth === 12 && answer !== undefined) return answer(text);
    const name = region === 'hold' ? (holder ?? worker!.node_id) : 'worker';
    const headers = { 'content-type': 'application/json', 'x-worker-id': name };
    return new Response(chunked ? new Response(text).body : text, { headers });
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request, server) {
      if (server.upgrade(request)) return undefined;
      const body = (await request.json()) as any;
      if (request.url.endsWith('/task/request')) return work(body.region, body.payload);
      workers.push(body);
      return Response.json({ status: 'registered', node_id: body.node_id });
    },
    websocket: {
      message(ws, text) {
        const { type, payload } = JSON.parse(text as string);
        if (type === 'register') {
          socket = ws;
          ws.send('{"type":"registered","payload":{"status":"ok","node_id":"worker"}}');
        } else waiting.get(payload.task_id)!(JSON.stringify(payload.response));
      },
    },
  });
  return { server, workers };
}

const plan = { pairs: 1, pairMs: 20, warmMs: 10, turnMs: 4, callers: 8, waitMs: 300 };

async function load(behaviour: Behaviour, protocol: 'http' | 'websocket' = 'http') {
  const { server, workers } = tasksServer(behaviour);
  try {
    const target = {
      name: 'a server',
      port: server.port!,
      pid: process.pid,
      workerPort: await freePort(),
      workers: { protocol, regions: 3, each: 2, asked: 'leaf' },
    } as const;
    const result = await runLoad({ kind: 'tasks-closed', targets: [target], ...plan });
    return { ...result, workers };
  } finally {
    await server.stop(true);
  }
}

test.each(['http', 'websocket'] as const)('every task to a %s worker is counted', async (kind) => {
  const { account, pairs, workerGot, workers } = await load({}, kind);
  expect(account.asked).toBeGreaterThanOrEqual(17);
  expect(account.worked).toBe(account.asked);
  expect(account.answered).toBe(account.asked);
  expect(pairs).toHaveLength(1);
  expect(pairs[0]![0]!.perSecond).toBeGreaterThan(0);
  expect(JSON.parse(workerGot[0]!)).toEqual({
    payload: { action: 'process_data', data: { message: expect.any(String) }, number: '000000' },
  });
  expect(workers.map((worker) => worker.region)).toEqual(
    kind === 'http' ? ['leaf-0', 'leaf-1', 'leaf-2', 'leaf-0', 'leaf-1', 'leaf-2'] : [],
  );
});

test('answers in chunks are read as well', async () => {
  const { account } = await load({ chunked: true });
  expect(account.answered).toBe(account.asked);
});

test('a task that is done twice voids the run', async () => {
  await expect(load({ copies: 2 })).rejects.toThrow(
    /void: a server: (\d+) tasks asked for, (?!\1)\d+ done/,
  );
});

test('a task without an answer voids the run', async () => {
  const answer = () => new Promise<Response>(() => {});
  await expect(load({ answer })).rejects.toThrow(
    /void: waited 300 ms for a server: (\d+) tasks asked for, \1 done, (?!\1)\d+ answered/,
  );
});

test("another task's answer voids the run", async () => {
  const answer = (text: string) => Response.json(JSON.parse(text.replace(/"0000../, '"000099')));
  await expect(load({ answer })).rejects.toThrow(/void: a server, a caller: expected .*"0000/);
});

test('an answer with another status voids the run', async () => {
  const answer = () => Response.json({ error: 'no worker' }, { status: 503 });
  await expect(load({ answer })).rejects.toThrow(/void: a server, a caller: expected .* 503/s);
});

async function loadBesideHeld(behaviour: Behaviour) {
  const { server } = tasksServer(behaviour);
  try {
    const target = async (begun: boolean) => ({
      name: 'a server',
      port: server.port!,
      pid: process.pid,
      workerPort: await freePort(),
      workers: { protocol: 'http', regions: 1, each: 1, asked: 'leaf' } as const,
      holding: { workers: begun ? 30 : 0, workerPort: await freePort(), begun },
    });
    const targets = [await target(true)];
    return await runLoad({ kind: 'tasks-paced', targets, perSecond: 500, ...plan });
  } finally {
    await server.stop(true);
  }
}

test('held tasks are counted, and answered at the end', async () => {
  const { held, account, pairs } = await loadBesideHeld({});
  expect(held).toBe(30);
  expect(account.answered).toBe(account.asked);
  expect(pairs[0]![0]!.deliveries).toBe(10);
});

test('two held tasks of one worker void the run', async () => {
  await expect(loadBesideHeld({ holder: 'holder-7' })).rejects.toThrow(
    'void: holder-7 held more than one task',
  );
});
