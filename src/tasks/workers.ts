import type { Cancel, Clock } from '../sockets/ports.ts';
import { Balancer } from './balancer.ts';
import {
  callFailed,
  callSucceeded,
  checked,
  endTrial,
  type HealthLimits,
  isTrialDue,
  isUnfit,
} from './health.ts';
import type { Link } from './link.ts';
import type { Wanted } from './pool.ts';
import type { Regions } from './regions.ts';
import { newWorker, type Worker } from './worker.ts';

export interface WorkersLimits extends HealthLimits {
  workersMax: number;
  /** Without a heartbeat so long, an HTTP worker is gone; then forgotten. */
  goneAfterMs: number;
  forgetAfterMs: number;
}

/** What a worker says of itself when it comes. */
export interface Arrival {
  nodeId: string;
  protocol: Worker['protocol'];
  region: string;
  weight: number;
  concurrencyMax: number;
}

export interface WorkersPorts {
  clock: Clock;
  regions: Regions;
  report(level: 'info' | 'warn', event: string, fields: object): void;
}

/** Every worker, by its node_id: who is there, how they are, and who is next. */
export class Workers {
  readonly byId = new Map<string, Worker>();
  private readonly balancer: Balancer;
  private readonly sweepMs: number;
  private stopSweeping: Cancel = () => {};
  private trials = 0;
  private arrivals = 0;
  /** Heartbeats that were taken, and ejections, since the start. */
  readonly counts = { heartbeats: 0, ejected: 0 };

  constructor(
    private readonly ports: WorkersPorts,
    private readonly limits: WorkersLimits,
  ) {
    this.balancer = new Balancer(ports.regions);
    this.sweepMs = Math.max(10, Math.min(1000, limits.goneAfterMs / 4));
  }

  begin(): void {
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      this.sweep();
      this.begin();
    });
  }

  end(): void {
    this.stopSweeping();
  }

  /**
   * A worker comes, or shows that it is there. One with the same node_id that can be reached the same
   * way is the same one: its health, its figures and the tasks in its hands stay. Any other is
   * replaced. Undefined: there are too many.
   */
  arrive(arrival: Arrival, link: Link): Worker | undefined {
    const { nodeId, protocol, region, weight, concurrencyMax } = arrival;
    const known = this.byId.get(nodeId);
    let worker = known !== undefined && isSameWay(known.link, link) ? known : undefined;
    if (worker === undefined) {
      if (known === undefined && this.byId.size >= this.limits.workersMax) return undefined;
      if (known !== undefined) this.leave(known, 'replaced');
      worker = newWorker({ nodeId, protocol, link, region, weight, concurrencyMax });
      worker.number = ++this.arrivals;
      this.byId.set(nodeId, worker);
      this.balancer.add(worker);
      this.report('info', 'worker_joined', worker, { protocol });
      // Only now, for its tasks go on to others.
      known?.link.replaced();
    } else {
      if (worker.concurrencyMax !== concurrencyMax) {
        worker.concurrencyMax = concurrencyMax;
        this.balancer.recount(worker);
      }
      if (worker.isGone || worker.region !== region || worker.weight !== weight) {
        this.balancer.remove(worker);
        worker.isGone = false;
        worker.region = region;
        worker.weight = weight;
        this.balancer.add(worker);
      }
    }
    this.seen(worker);
    return worker;
  }

  /** It gave a sign of life. */
  seen(worker: Worker): void {
    worker.seenMs = this.ports.clock.now();
    worker.seenWallMs = this.ports.clock.wallMs();
  }

  /** Its link takes more, or no more. */
  linkChanged(worker: Worker): void {
    this.balancer.recount(worker);
  }

  /** It is there no more; nothing is known of it from now on. */
  leave(worker: Worker, why: string): void {
    if (this.byId.get(worker.nodeId) !== worker) return;
    this.byId.delete(worker.nodeId);
    this.balancer.remove(worker);
    this.report('info', 'worker_left', worker, { why });
  }

  /**
   * The next worker for a task of this region, with the task in its hands: every one that is picked
   * must be given back by `succeeded`, `failed` or `abandoned`. `trial` is not 0 when it was ejected,
   * and this call decides whether it stays so.
   */
  pick(region: string | undefined, wanted: Wanted): { worker: Worker; trial: number } | undefined {
    const nowMs = this.ports.clock.now();
    const worker = this.balancer.pick(region, wanted, nowMs);
    if (worker === undefined) return undefined;
    const trial = isTrialDue(worker.health, nowMs) ? (this.trials += 1) : 0;
    if (trial !== 0) worker.health.trial = trial;
    worker.inFlight += 1;
    return { worker, trial };
  }

  succeeded(worker: Worker): void {
    worker.inFlight -= 1;
    const { health } = worker;
    if (health.failuresInRow > 0 || isUnfit(health))
      this.judged(worker, () => callSucceeded(health));
  }

  failed(worker: Worker, trial: number): void {
    const { limits, ports } = this;
    worker.inFlight -= 1;
    this.balancer.lowerWeight(worker, limits.ejectFailures);
    this.judged(worker, () => callFailed(worker.health, limits, ports.clock.now(), trial));
  }

  /** The call says nothing about the worker: its caller went away. */
  abandoned(worker: Worker, trial: number): void {
    worker.inFlight -= 1;
    endTrial(worker.health, trial);
  }

  /** What it answered to a check. */
  checked(worker: Worker, isWell: boolean): void {
    this.judged(worker, () => checked(worker.health, isWell));
  }

  private judged(worker: Worker, judge: () => void): void {
    const { health } = worker;
    const wasUnfit = isUnfit(health);
    const pauseEndMs = health.pauseEndMs;
    judge();
    const isNow = isUnfit(health);
    if (isNow !== wasUnfit) this.balancer.recount(worker);
    if (isNow && (!wasUnfit || health.pauseEndMs !== pauseEndMs)) {
      this.counts.ejected += 1;
      const pause = health.isEjected ? { pause_ms: health.pauseMs } : { checks: 'failing' };
      this.report('warn', 'worker_ejected', worker, pause);
    } else if (wasUnfit && !isNow) this.report('info', 'worker_healthy', worker, {});
  }

  private sweep(): void {
    const nowMs = this.ports.clock.now();
    for (const worker of this.byId.values()) {
      if (worker.protocol !== 'http') continue;
      const silentMs = nowMs - worker.seenMs;
      if (silentMs >= this.limits.forgetAfterMs) this.leave(worker, 'forgotten');
      else if (silentMs >= this.limits.goneAfterMs && !worker.isGone) {
        worker.isGone = true;
        this.balancer.remove(worker);
        this.report('warn', 'worker_gone', worker, {});
      }
    }
  }

  private report(level: 'info' | 'warn', event: string, worker: Worker, fields: object): void {
    const { nodeId: node_id, region } = worker;
    this.ports.report(level, event, { node_id, region, ...fields });
  }
}

function isSameWay(one: Link, other: Link): boolean {
  return one === other || (one.address !== undefined && one.address === other.address);
}
