import { type Health, isUnfit } from './health.ts';
import type { Worker } from './worker.ts';

/** `GET /status`, as the source document has it: `tasks` are in flight, `active` are healthy. */
export function statusView(workers: Iterable<Worker>, isSocketsOn: boolean, tasks: number) {
  const regions = new Map<string, { clients: number; active: number }>();
  let clients = 0;
  for (const worker of workers) {
    clients += 1;
    let region = regions.get(worker.region);
    if (region === undefined) regions.set(worker.region, (region = { clients: 0, active: 0 }));
    region.clients += 1;
    if (healthOf(worker) === 'healthy') region.active += 1;
  }
  return {
    server: 'Online',
    websocket: isSocketsOn ? 'Connected' : 'Disabled',
    clients,
    tasks,
    regions: Object.fromEntries(regions),
  };
}

/** `GET /clients`: one entry a worker. Latencies in milliseconds, of its last 128 answers. */
export function clientsView(workers: Iterable<Worker>) {
  return { clients: Array.from(workers, workerView) };
}

export function workerView(worker: Worker) {
  return {
    node_id: worker.nodeId,
    protocol: worker.protocol,
    region: worker.region,
    weight: worker.weight,
    max_concurrency: worker.concurrencyMax,
    health: healthOf(worker),
    in_flight: worker.inFlight,
    last_seen: new Date(worker.seenWallMs).toISOString(),
    latency_ms: worker.latencies.percentiles() ?? null,
    dropped: worker.dropped,
  };
}

/** Why a worker is not healthy, for people; null: it is. `wallMs` makes a time of day of a clock's. */
export function healthReason(
  { isGone, health }: Worker,
  wallMs: (ms: number) => number,
): string | null {
  if (isGone) return 'no heartbeat for too long';
  if (health.isFailingChecks) return 'fails its checks';
  return health.isEjected ? ejection(health, wallMs) : null;
}

function ejection({ failuresInRow, pauseEndMs, trial }: Health, wallMs: (ms: number) => number) {
  const failed = `${failuresInRow} failed ${failuresInRow === 1 ? 'call' : 'calls'} in a row`;
  if (trial !== 0) return `${failed}; a trial is under way`;
  return `${failed}; a trial from ${new Date(wallMs(pauseEndMs)).toISOString()} on`;
}

export const healths = ['healthy', 'ejected', 'gone'] as const;

export function healthOf({ isGone, health }: Worker): (typeof healths)[number] {
  return isGone ? 'gone' : isUnfit(health) ? 'ejected' : 'healthy';
}
