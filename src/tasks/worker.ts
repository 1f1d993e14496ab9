import { newHealth, type Health } from './health.ts';
import { Latencies } from './latencies.ts';
import type { Link } from './link.ts';

/** A pool that a worker is in. */
export interface Membership {
  remove(worker: Worker): void;
  /** Its health, its bound or its link is another than before. */
  recount(worker: Worker): void;
  /** It gets fewer tasks for some picks. */
  lowerWeight(worker: Worker, by: number): void;
}

/** One worker, as the core knows it. */
export interface Worker {
  readonly nodeId: string;
  readonly protocol: 'http' | 'websocket';
  /** Grows from each that comes to the next. */
  number: number;
  link: Link;
  region: string;
  /** 1 to 100. */
  weight: number;
  /** Tasks at a time; 0: no bound. */
  concurrencyMax: number;
  inFlight: number;
  /** Its last sign of life: by the clock of deadlines, and by that of people. */
  seenMs: number;
  seenWallMs: number;
  /** No heartbeat for too long: in no pool. */
  isGone: boolean;
  readonly health: Health;
  readonly latencies: Latencies;
  /** Answers to tasks that it did not have. */
  dropped: number;
  memberships: Membership[];
}

export function newWorker(
  known: Pick<Worker, 'nodeId' | 'protocol' | 'link' | 'region' | 'weight' | 'concurrencyMax'>,
): Worker {
  return {
    ...known,
    number: 0,
    inFlight: 0,
    seenMs: 0,
    seenWallMs: 0,
    isGone: false,
    health: newHealth(),
    latencies: new Latencies(),
    dropped: 0,
    memberships: [],
  };
}

/** Whether it may be given one more task, its health apart. */
export function hasRoom({ concurrencyMax, inFlight, link }: Worker): boolean {
  return (concurrencyMax === 0 || inFlight < concurrencyMax) && link.isOpen;
}
