import { takeTurns, type TurnsFigure, type TurnsPlan } from '../harness/turns.ts';
import { closedLoop, closeLanes, openLanes } from './lane.ts';
import type { LaneTarget, TaskAccount } from './lane.ts';

/** Tasks to several servers in turns, the same number to each. */
export interface ClosedTasksJob extends TurnsPlan {
  kind: 'tasks-closed';
  targets: LaneTarget[];
  /** Tasks in flight: each caller has one. */
  callers: number;
  /** How long a turn may take before a task counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface ClosedTasksResult {
  /** By pair, then by target. */
  pairs: TurnsFigure[][];
  /** By target: the body that its worker was given. */
  workerGot: string[];
  account: TaskAccount;
}

export async function runClosedTasks(job: ClosedTasksJob): Promise<ClosedTasksResult> {
  const lanes = await openLanes(job.targets, job.callers);
  const sides = lanes.map((lane) => ({
    pid: lane.target.pid,
    run: (count: number) => closedLoop(lane, count, job.waitMs),
  }));
  const pairs = await takeTurns(sides, job, job.callers);
  const workerGot = lanes.map((lane) => lane.worker.firstBody);
  return { pairs, workerGot, account: await closeLanes(lanes) };
}
