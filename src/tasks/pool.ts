import { isTrialDue, isUnfit } from './health.ts';
import { rendezvousScore } from './rendezvous.ts';
import { hasRoom, type Member, type Worker } from './worker.ts';

/** Which workers are asked for. */
export interface Wanted {
  /** Already tried: never again. */
  tried: readonly Worker[];
  /** A key of the caller's: the same worker, while it can be had. */
  sticky: string | undefined;
}

/**
 * Workers that share the tasks of a region and of everything below it: smooth weighted round-robin
 * as in nginx (weights 5, 1, 1 give a a b a c a a), over those with room. Picking costs one look at
 * each member.
 */
export class Pool {
  readonly members: Member[] = [];
  private unfit = 0;

  add(worker: Worker): void {
    const { weight, health } = worker;
    const member = {
      worker,
      pool: this,
      current: 0,
      effective: weight,
      isUnfit: isUnfit(health),
    };
    this.members.push(member);
    worker.memberships.push(member);
    if (member.isUnfit) this.unfit += 1;
  }

  remove(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    if (member.isUnfit) this.unfit -= 1;
  }

  /** A member's health may have changed. */
  recount(member: Member): void {
    const now = isUnfit(member.worker.health);
    if (now !== member.isUnfit) this.unfit += now ? 1 : -1;
    member.isUnfit = now;
  }

  /** More than half are out: then the fault is elsewhere, and all are asked. */
  get isSuspended(): boolean {
    return this.unfit * 2 > this.members.length;
  }

  /** Undefined when nobody here may be given a task. */
  pick(wanted: Wanted, nowMs: number): Worker | undefined {
    return wanted.sticky === undefined
      ? this.pickByWeight(wanted, nowMs)
      : this.pickByKey(wanted, wanted.sticky, nowMs);
  }

  private pickByWeight({ tried }: Wanted, nowMs: number): Worker | undefined {
    const { isSuspended } = this;
    let best: Member | undefined;
    let total = 0;
    for (const member of this.members) {
      if (!isOpen(member, isSuspended, nowMs) || wasTried(member.worker, tried)) continue;
      member.current += member.effective;
      total += member.effective;
      if (member.effective < member.worker.weight) member.effective += 1;
      if (best === undefined || member.current > best.current) best = member;
    }
    if (best !== undefined) best.current -= total;
    return best?.worker;
  }

  private pickByKey({ tried }: Wanted, key: string, nowMs: number): Worker | undefined {
    const { isSuspended } = this;
    let best: Worker | undefined;
    let highest = -Infinity;
    for (const member of this.members) {
      const { worker } = member;
      if (!isOpen(member, isSuspended, nowMs) || wasTried(worker, tried)) continue;
      const score = rendezvousScore(key, worker.nodeId, worker.weight);
      if (score <= highest) continue;
      best = worker;
      highest = score;
    }
    return best;
  }
}

function isOpen({ worker, isUnfit: isOut }: Member, isSuspended: boolean, nowMs: number): boolean {
  if (!hasRoom(worker)) return false;
  return !isOut || isSuspended || isTrialDue(worker.health, nowMs);
}

function wasTried(worker: Worker, tried: readonly Worker[]): boolean {
  if (tried.length === 0) return false;
  const { address } = worker.link;
  return tried.some(
    (other) =>
      other.nodeId === worker.nodeId || (address !== undefined && other.link.address === address),
  );
}
