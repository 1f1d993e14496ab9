import { hostPort, type Networks } from '../access/networks.ts';
import { workerAddress } from '../access/worker-address.ts';
import type { Refusal } from '../refusal.ts';
import type { Calls } from './link.ts';
import { type Registration, taskRefusals } from './messages.ts';
import type { Workers } from './workers.ts';

/** The source document's port of a worker. */
const portDefault = 3000;

export interface HeartbeatPorts {
  workers: Workers;
  calls: Calls;
  isToken(token: string): boolean;
  /** Undefined: any network. */
  allowedNetworks: Networks | undefined;
}

/** Where a heartbeat comes from. */
export interface Origin {
  address: string;
  /** From this machine itself, through no proxy. */
  isLocal: boolean;
}

/** An HTTP worker registers, or shows that it is there. */
export function takeHeartbeat(
  registration: Registration,
  from: Origin,
  { workers, calls, isToken, allowedNetworks }: HeartbeatPorts,
): { nodeId: string } | { refusal: Refusal; detail?: string } {
  const { token, ip = from.address, port = portDefault, region } = registration;
  const { weight = 1, max_concurrency: concurrencyMax = 0 } = registration;
  if (!isToken(token)) return { refusal: taskRefusals.badToken };
  const where = workerAddress(ip, { isLocal: from.isLocal, allowed: allowedNetworks });
  if ('problem' in where) return { refusal: taskRefusals.badAddress, detail: where.problem };
  const { address } = where;
  const { node_id: nodeId = hostPort(address, port) } = registration;
  const arrival = { nodeId, protocol: 'http', region, weight, concurrencyMax } as const;
  const worker = workers.arrive(arrival, calls.link(address, port));
  if (worker === undefined) return { refusal: taskRefusals.tooManyWorkers };
  workers.counts.heartbeats += 1;
  return { nodeId };
}
