import { isUnfit } from './health.ts';
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
  return {
    clients: Array.from(workers, (worker) => ({
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
    })),
  };
}

function healthOf({ isGone, health }: Worker): 'healthy' | 'ejected' | 'gone' {
  return isGone ? 'gone' : isUnfit(health) ? 'ejected' : 'healthy';
}
