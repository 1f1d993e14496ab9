/** A worker that Moonstead reaches by HTTP. README.md shows how to run it. */
import { leave } from '../flags.ts';
import { work } from '../work.ts';
import { keepRegistered } from './heartbeats.ts';
import { readWorkerFlags, whole } from '../worker-flags.ts';

const usage = `Usage: TASK_TOKEN=... bun examples/worker-http/worker.ts [flags]
  --server URL          Moonstead (http://127.0.0.1:8080)
  --region NAME         where this worker is (global)
  --port N              listen on this port (3000); 0 takes a free one
  --host H              listen on this address (127.0.0.1)
  --ip IP               where Moonstead reaches us (the address that it sees)
  --node-id ID          our name (ip:port)
  --weight N            our share of the tasks, 1 to 100 (1)
  --max-concurrency N   the most tasks at a time (no bound)
  --take-ms N           let each job take this long, to try things out (0)
  --heartbeat-ms N      how often we show that we are there (60000)
  --back-off-ms N       first wait after a heartbeat that failed (1000)`;

const { registration, takeMs, values, ...flags } = readWorkerFlags(
  usage,
  '/client/heartbeat',
  60_000,
  ['port', 'host', 'ip'],
);
const say = (text: string) => console.error(`worker: ${text}`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
stop.signal.addEventListener('abort', () => say('finishing what is in hand'));

const server = listen(values.host ?? '127.0.0.1', whole(values, 'port') ?? 3000);
const reason = await keepRegistered({
  ...flags,
  registration: { ...registration, ip: values.ip, port: server.port },
  say,
  signal: stop.signal,
});
if (reason !== undefined) {
  say(reason);
  process.exitCode = 1;
}
// Takes no new connections, ends the idle ones, and resolves when all answers have left.
await server.stop();

function listen(hostname: string, port: number): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname,
      port,
      routes: {
        '/work': { POST: takeTask },
        '/health': { GET: () => Response.json({ status: 'healthy' }) },
      },
      fetch: () => Response.json({ error: 'there is nothing here' }, { status: 404 }),
    });
  } catch (error) {
    return leave(`cannot listen on ${hostname}, port ${port}: ${(error as Error).message}`, 1);
  }
}

async function takeTask(request: Request): Promise<Response> {
  // A web page can post anything else to a port of this machine without asking first.
  if (request.headers.get('content-type') !== 'application/json')
    return Response.json({ error: 'Content-Type: application/json' }, { status: 415 });
  const json = (await request.json().catch(() => undefined)) as { payload?: unknown } | undefined;
  server.timeout(request, 0); // else Bun breaks off an answer that takes 10 s
  const id = request.headers.get('x-task-id')?.match(/^[\w-]{1,64}$/)?.[0] ?? '-';
  const { status, body } = await work(id, json?.payload, { takeMs, signal: request.signal });
  return Response.json(body, { status });
}
