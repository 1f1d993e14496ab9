import { latencies, type Latencies, type LatencyFigure } from '../harness/latencies.ts';
import { inTime } from '../harness/void-run.ts';
import { hold, type Held } from './hold.ts';
import { ask, closeLanes, openLanes, stillMissing } from './lane.ts';
import type { Lane, LaneTarget, TaskAccount } from './lane.ts';

/** Tasks at a fixed rate to several servers in turns, whatever comes back. */
export interface PacedTasksJob {
  kind: 'tasks-paced';
  targets: PacedTarget[];
  perSecond: number;
  /** Tasks that may be in flight; those that are due beyond wait for a caller, and that counts. */
  callers: number;
  pairs: number;
  /** Length of one pair, all targets together, and of the warm-up before the first. */
  pairMs: number;
  warmMs: number;
  turnMs: number;
}

export interface PacedTarget extends LaneTarget {
  /** Workers beside that never answer before the end, and whether each of them has a task. */
  holding: { workers: number; workerPort: number; begun: boolean };
}

export interface PacedTasksResult {
  /** By pair, then by target. */
  pairs: LatencyFigure[][];
  /** Tasks that were held all the while, in all. */
  held: number;
  account: TaskAccount;
}

/**
 * Asks at planned times for `durationMs` and waits for all answers. A latency counts from the time
 * that its task was planned for, so that a stall is felt by all that it delays.
 */
async function askPaced(
  lane: Lane,
  perSecond: number,
  durationMs: number,
  into: Latencies,
): Promise<void> {
  const count = Math.max(1, Math.floor((perSecond * durationMs) / 1000));
  const stepMs = 1000 / perSecond;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = lane.answered + count;
  const idle = lane.callers; // in turn, this time and the next: one long unused would be closed
  lane.onAnswer = (caller) => {
    into.add((performance.now() - caller.dueMs) * 1000);
    idle.push(caller);
    if (lane.answered === end) resolve();
  };
  const startMs = performance.now() + 1;
  for (let asked = 0; asked < count; await new Promise(setImmediate)) {
    const due = Math.min(count, Math.floor((performance.now() - startMs) / stepMs) + 1);
    while (asked < due && idle.length > 0) {
      const caller = idle.shift()!;
      caller.dueMs = startMs + asked++ * stepMs;
      ask(lane, caller);
    }
  }
  await inTime(promise, 10_000, () => stillMissing(lane));
}

export async function runPacedTasks(job: PacedTasksJob): Promise<PacedTasksResult> {
  const { perSecond, turnMs } = job;
  const held: Held[] = [];
  for (const target of job.targets) held.push(await hold(target.port, target.holding));
  const lanes = await openLanes(job.targets, job.callers);

  async function alternate(durationMs: number) {
    const taken = lanes.map(() => latencies());
    const turns = Math.max(1, Math.round(durationMs / turnMs / lanes.length));
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < lanes.length; n++) {
        const which = (n + turn) % lanes.length;
        await askPaced(lanes[which]!, perSecond, turnMs, taken[which]!);
      }
    }
    return taken.map((one) => one.figure());
  }
  await Bun.sleep(200);
  await alternate(job.warmMs);
  const pairs = [];
  for (let n = 0; n < job.pairs; n++) pairs.push(await alternate(job.pairMs));
  let heldTasks = 0;
  for (const one of held) heldTasks += await one.release();
  return { pairs, held: heldTasks, account: await closeLanes(lanes) };
}
