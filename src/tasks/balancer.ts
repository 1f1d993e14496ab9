import { Pool, type Wanted } from './pool.ts';
import { meansAny, type Regions } from './regions.ts';
import type { Worker } from './worker.ts';

/**
 * Who gets a task: a worker of the region or of what lies below it; if nobody healthy with room is
 * there, one of the region above, and so on, at last anybody.
 */
export class Balancer {
  private readonly everybody = new Pool();
  private readonly byRegion = new Map<string, Pool>();

  constructor(private readonly regions: Regions) {}

  add(worker: Worker): void {
    this.everybody.add(worker);
    for (const region of this.regions.upFrom(worker.region)) {
      let pool = this.byRegion.get(region);
      if (pool === undefined) this.byRegion.set(region, (pool = new Pool()));
      pool.add(worker);
    }
  }

  remove(worker: Worker): void {
    for (const pool of worker.memberships.splice(0)) pool.remove(worker);
    for (const region of this.regions.upFrom(worker.region)) {
      if (this.byRegion.get(region)?.size === 0) this.byRegion.delete(region);
    }
  }

  /** Undefined when nobody may be given it. */
  pick(region: string | undefined, wanted: Wanted, nowMs: number): Worker | undefined {
    let at = meansAny(region) ? undefined : region;
    for (; at !== undefined; at = this.regions.above(at)) {
      const worker = this.byRegion.get(at)?.pick(wanted, nowMs);
      if (worker !== undefined) return worker;
    }
    return this.everybody.pick(wanted, nowMs);
  }

  /** Fewer tasks for a worker that failed, for some picks. */
  lowerWeight(worker: Worker, failuresToZero: number): void {
    const step = Math.max(1, Math.floor(worker.weight / failuresToZero));
    for (const pool of worker.memberships) pool.lowerWeight(worker, step);
  }

  /** A worker's health, its bound or its link is another than before. */
  recount(worker: Worker): void {
    for (const pool of worker.memberships) pool.recount(worker);
  }
}
