/** A worker that connects to Moonstead by WebSocket. README.md shows how to run it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backOff } from '../link.ts';
import { readWorkerFlags } from '../worker-flags.ts';
import { serveConnection } from './connection.ts';

const usage = `Usage: TASK_TOKEN=... bun examples/worker-socket/worker.ts [flags]
  --server URL          Moonstead (http://127.0.0.1:8080)
  --region NAME         where this worker is (global)
  --node-id ID          our name (the server gives one)
  --weight N            our share of the tasks, 1 to 100 (1)
  --max-concurrency N   the most tasks at a time (no bound)
  --take-ms N           let each job take this long, to try things out (0)
  --heartbeat-ms N      how often we ask whether the server is there (30000)
  --back-off-ms N       first wait before a reconnect (1000)`;

/** After these, trying again could only fail again. */
const finalClose: Record<number, string> = {
  4401: 'the server does not know this token (4401)',
  4410: 'another worker with the same node_id took this place (4410)',
};

const { address, registration, backOffMs, ...flags } = readWorkerFlags(usage, '/ws', 30_000);
address.protocol = address.protocol.replace('http', 'ws');
const say = (text: string) => console.error(`worker: ${text}`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
stop.signal.addEventListener('abort', () => say('finishing what is in hand'));

let failures = 0;
while (!stop.signal.aborted) {
  const { code, nodeId } = await serveConnection({
    ...flags,
    address,
    registration,
    say,
    signal: stop.signal,
  });
  if (stop.signal.aborted) break;
  if (finalClose[code] !== undefined) {
    say(finalClose[code]);
    process.exitCode = 1;
    break;
  }
  registration.node_id ??= nodeId; // the same worker as before
  failures = nodeId === undefined ? failures + 1 : 1;
  const waitMs = backOff(failures, backOffMs);
  say(`no connection to ${address.origin} (${code}); trying again in ${waitMs} ms`);
  await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => {});
}
