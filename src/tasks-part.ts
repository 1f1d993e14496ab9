import type { Elysia } from 'elysia';
import { apiKeys } from './access/api-keys.ts';
import { clientAddress } from './access/client-address.ts';
import { isLoopbackHost, networks } from './access/networks.ts';
import { clock } from './clock.ts';
import { type Part, Served, type Whole } from './part.ts';
import { tasksApp } from './tasks/app.ts';
import { HttpCalls } from './tasks/calls.ts';
import { Checks } from './tasks/checks.ts';
import { TaskCounts } from './tasks/counts.ts';
import { Dispatcher } from './tasks/dispatcher.ts';
import { TaskFrames } from './tasks/messages.ts';
import { Regions } from './tasks/regions.ts';
import { tasksShown } from './tasks/shown.ts';
import { WorkerSockets } from './tasks/worker-sockets.ts';
import { Workers } from './tasks/workers.ts';

const mib = 1024 ** 2;

export async function tasksPart({ config, mls, sockets, log, timing }: Whole): Promise<Part> {
  const { ws, health_check } = mls;
  const answerBytesMax = mls.answer_mb * mib;
  const report = (level: 'info' | 'warn', event: string, fields: object) =>
    log(level, 'tasks', event, fields);
  const newId = () => crypto.randomUUID();
  const tokens = apiKeys(mls.tokens.map(named));
  const isToken = (token: string) => tokens.find(token) !== undefined;
  const frames = new TaskFrames({
    idLengthMax: config.server.id_length_max,
    jsonDepthMax: config.server.json_depth_max,
    answerBytesMax,
  });
  const regions = new Regions(mls.region_hierarchy);
  const calls = new HttpCalls({ body: mls.work_body, connectTimeoutMs: mls.connect_timeout });
  const workers = new Workers(
    { clock, regions, report },
    {
      workersMax: mls.workers_max,
      goneAfterMs: mls.gone_after,
      forgetAfterMs: mls.forget_after,
      ejectFailures: mls.eject_failures,
      ejectTimeMs: mls.eject_time,
      ejectTimeMaxMs: mls.eject_time_max,
    },
  );
  const took = timing('tasks', {
    name: 'request_seconds',
    help: 'How long callers waited for the head of an answer, by what became of their task.',
    label: 'outcome',
  });
  const dispatcher = new Dispatcher(
    { clock, workers, newId },
    {
      retryCount: mls.retry_count,
      tasksMax: mls.tasks_max,
      answerTimeoutMs: mls.answer_timeout,
      callerTimeoutMs: mls.caller_timeout,
      silentAfterMs: mls.silent_after,
    },
    new TaskCounts({ took, report }),
  );
  const workerSockets = new WorkerSockets(
    { clock, workers, frames, isToken, newId, report },
    {
      registerTimeoutMs: ws.read_timeout,
      writeTimeoutMs: ws.write_timeout,
      pingIntervalMs: ws.heartbeat_interval,
      slowBytes: ws.slow_mb * mib,
    },
  );
  const ask = ({ link }: { link: { address: string | undefined } }) =>
    calls.check(link.address!, health_check.timeout);
  const checks = new Checks({ clock, workers, ask }, ws.connection_check_interval);
  const room = { bytesMax: mls.bodies_mb * mib, bytes: 0 };
  const trusted = networks(config.server.trusted_proxies);
  // A frame with the largest answer has its ids, headers and JSON escapes around it.
  const bytesMax = 2 * answerBytesMax;
  const served = new Served();
  const app = tasksApp({
    dispatcher,
    heartbeat: {
      workers,
      calls,
      isToken,
      allowedNetworks: mls.allowed_networks.length > 0 ? networks(mls.allowed_networks) : undefined,
    },
    workerSockets,
    sockets,
    frames,
    taskKeys: mls.task_keys.length > 0 ? apiKeys(mls.task_keys.map(named)) : undefined,
    taskLimits: {
      bytesMax: mls.task_body_mb * mib,
      timeoutMs: mls.body_timeout,
      room,
    },
    socket: {
      path: ws.enabled ? ws.path : undefined,
      connectionsMax: ws.max_connections,
      bytesMax,
    },
    newId,
    server: () => served.server,
    originOf: (request) => {
      const peer = served.server.requestIP(request)?.address ?? '';
      const { address, forwarded } = clientAddress(peer, request.headers, trusted);
      return { address, isLocal: !forwarded && isLoopbackHost(address) };
    },
    report: (event, fields) => report('warn', event, fields),
    hierarchy: regions.hierarchy,
  });
  workers.begin();
  workerSockets.begin();
  if (health_check.enabled) checks.begin();
  return {
    name: 'tasks',
    app: app as unknown as Elysia,
    served,
    shown: tasksShown({ clock, dispatcher, workers, room }),
    socketBytesMax: bytesMax,
    async drain(budgetMs) {
      await dispatcher.drain(budgetMs);
      checks.end();
      workers.end();
      workerSockets.end();
      calls.close();
    },
  };
}

/** Lists of mls.json have no names. */
const named = (key: string) => ({ name: 'mls', key });
