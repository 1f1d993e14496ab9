import { isTrialDue, isUnfit } from './health.ts';
import { rendezvousScore } from './rendezvous.ts';
import { hasRoom, type Membership, type Worker } from './worker.ts';

/** Which workers are asked for. */
export interface Wanted {
  /** Already tried: never again. */
  tried: readonly Worker[];
  /** A key of the caller's: the same worker, while it can be had. */
  sticky: string | undefined;
}

/** Ready: needs no look at the worker itself. In the other cases one tells. */
const ready = 0;
const fit = 1;
const unfit = 2;

/**
 * Workers that share the tasks of a region and of everything below it: smooth weighted round-robin
 * as in nginx (weights 5, 1, 1 give a a b a c a a), over those with room. A pick looks at each
 * member, so what it needs of them stands in lists side by side: ten thousand objects would be a
 * cache miss each.
 */
export class Pool implements Membership {
  private readonly workers: Worker[] = [];
  private readonly state: number[] = [];
  private readonly current: number[] = [];
  private readonly weight: number[] = [];
  /** Its weight, lowered by failures; grows back by one with each pick. */
  private readonly effective: number[] = [];
  private unfit = 0;

  get size(): number {
    return this.workers.length;
  }

  add(worker: Worker): void {
    worker.memberships.push(this);
    this.workers.push(worker);
    this.state.push(fit);
    this.current.push(0);
    this.weight.push(worker.weight);
    this.effective.push(worker.weight);
    this.recount(worker);
  }

  remove(worker: Worker): void {
    const at = this.workers.indexOf(worker);
    if (this.state[at] === unfit) this.unfit -= 1;
    const { workers, state, current, weight, effective } = this;
    for (const list of [workers, state, current, weight, effective]) list.splice(at, 1);
  }

  recount(worker: Worker): void {
    const { state } = this;
    const at = this.workers.indexOf(worker);
    if (state[at] === unfit) this.unfit -= 1;
    if (isUnfit(worker.health)) state[at] = unfit;
    else state[at] = worker.concurrencyMax === 0 && worker.link.isOpen ? ready : fit;
    if (state[at] === unfit) this.unfit += 1;
  }

  lowerWeight(worker: Worker, by: number): void {
    const at = this.workers.indexOf(worker);
    this.effective[at] = Math.max(0, this.effective[at]! - by);
  }

  /** Undefined when nobody here may be given a task. */
  pick(wanted: Wanted, nowMs: number): Worker | undefined {
    return wanted.sticky === undefined
      ? this.pickByWeight(wanted, nowMs)
      : this.pickByKey(wanted, wanted.sticky, nowMs);
  }

  private pickByWeight({ tried }: Wanted, nowMs: number): Worker | undefined {
    const { workers, state, current, weight, effective } = this;
    let best = -1;
    let most = -Infinity;
    let total = 0;
    for (let at = 0; at < workers.length; at++) {
      if (state[at] !== ready && !this.isOpen(at, nowMs)) continue;
      if (tried.length > 0 && wasTried(workers[at]!, tried)) continue;
      const share = effective[at]!;
      const sum = current[at]! + share;
      current[at] = sum;
      total += share;
      if (share < weight[at]!) effective[at] = share + 1;
      if (sum <= most) continue;
      best = at;
      most = sum;
    }
    if (best < 0) return undefined;
    current[best] = most - total;
    return workers[best];
  }

  private pickByKey({ tried }: Wanted, key: string, nowMs: number): Worker | undefined {
    let best: Worker | undefined;
    let highest = -Infinity;
    for (const [at, worker] of this.workers.entries()) {
      if (!this.isOpen(at, nowMs) || wasTried(worker, tried)) continue;
      const score = rendezvousScore(key, worker.nodeId, worker.weight);
      if (score <= highest) continue;
      best = worker;
      highest = score;
    }
    return best;
  }

  private isOpen(at: number, nowMs: number): boolean {
    const worker = this.workers[at]!;
    if (!hasRoom(worker)) return false;
    return this.state[at] !== unfit || this.isSuspended || isTrialDue(worker.health, nowMs);
  }

  /** More than half are out: then the fault is elsewhere, and all are asked. */
  private get isSuspended(): boolean {
    return this.unfit * 2 > this.workers.length;
  }
}

function wasTried(worker: Worker, tried: readonly Worker[]): boolean {
  if (tried.length === 0) return false;
  const { address } = worker.link;
  return tried.some(
    (other) =>
      other.nodeId === worker.nodeId || (address !== undefined && other.link.address === address),
  );
}
