import { inTime, voidRun } from '../harness/void-run.ts';
import { connectCallers, type Caller } from './callers.ts';
import { startHttpWorker, type Worker } from './http-worker.ts';
import { register, workerToken } from './register.ts';
import { connectWebSocketWorker } from './websocket-worker.ts';

/** A server under load: what a load job is told of it. */
export interface LaneTarget {
  name: string;
  port: number;
  pid: number;
  /** Where its HTTP worker has to listen. */
  workerPort: number;
  /** Who registers; absent: one HTTP worker, which the server knows from its configuration. */
  workers?: LaneWorkers;
}

export interface LaneWorkers {
  protocol: 'http' | 'websocket';
  /** Leaf regions, and how many workers are in each. */
  regions: number;
  each: number;
  /** What the callers ask for: the last leaf region, or anybody. */
  asked: 'leaf' | 'any';
}

/** Callers on one side of a server and its worker on the other. */
export interface Lane {
  target: LaneTarget;
  callers: Caller[];
  worker: Worker;
  /** Tasks asked for, and answers to them. */
  asked: number;
  answered: number;
  onAnswer(caller: Caller): void;
}

/** What was counted in all; a run in which a task was missing or done twice does not get here. */
export interface TaskAccount {
  asked: number;
  worked: number;
  answered: number;
}

export const leafRegion = (n: number) => `leaf-${n}`;

/**
 * Starts and registers all workers, then connects the callers (servers close a connection that is
 * unused for some seconds), and tries one task.
 */
export async function openLanes(targets: readonly LaneTarget[], callers: number): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const target of targets) {
    const worker = await startWorkers(target);
    lanes.push({ target, callers: [], worker, asked: 0, answered: 0, onAnswer: () => {} });
  }
  for (const lane of lanes) {
    const { name, port } = lane.target;
    lane.callers = await connectCallers(callers, {
      name,
      port,
      region: regionAsked(lane.target),
      onAnswer(caller) {
        lane.answered++;
        lane.onAnswer(caller);
      },
    });
    await closedLoop(lane, 1);
  }
  return lanes;
}

function regionAsked({ workers }: LaneTarget): string {
  return workers?.asked === 'any' ? 'global' : leafRegion((workers?.regions ?? 1) - 1);
}

async function startWorkers(target: LaneTarget): Promise<Worker> {
  const { port, workerPort, workers } = target;
  if (workers?.protocol === 'websocket') {
    const region = regionAsked(target);
    return connectWebSocketWorker(port, { token: workerToken, region, node_id: 'worker' });
  }
  const worker = startHttpWorker(workerPort);
  if (workers !== undefined) {
    const all = Array.from({ length: workers.regions * workers.each }, (_, n) => ({
      node_id: `worker-${n}`,
      region: leafRegion(n % workers.regions),
      port: workerPort,
    }));
    await register(port, all);
  }
  return worker;
}

/** Asks for the next task. */
export function ask(lane: Lane, caller: Caller): void {
  caller.ask(lane.asked++ % 1_000_000);
}

/** Gives `count` tasks to the callers: each asks for the next when it has its answer. */
export async function closedLoop(lane: Lane, count: number, waitMs = 10_000): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = lane.answered + count;
  let left = count;
  lane.onAnswer = (caller) => {
    if (left > 0) {
      left--;
      ask(lane, caller);
    } else if (lane.answered === end) resolve();
  };
  for (const caller of lane.callers.slice(0, count)) {
    left--;
    ask(lane, caller);
  }
  await inTime(promise, waitMs, () => stillMissing(lane));
  account(lane);
}

export function stillMissing({ target, asked, worker, answered }: Lane): string {
  return `${target.name}: ${asked} tasks asked for, ${worker.worked} done, ${answered} answered`;
}

function account(lane: Lane): TaskAccount {
  const { asked, answered, worker } = lane;
  if (worker.worked !== asked || answered !== asked) voidRun(stillMissing(lane));
  return { asked, worked: worker.worked, answered };
}

/** Waits for what would come too much (it voids the run), counts, and hangs up. */
export async function closeLanes(lanes: readonly Lane[]): Promise<TaskAccount> {
  await Bun.sleep(50);
  const sum = { asked: 0, worked: 0, answered: 0 };
  for (const lane of lanes) {
    const { asked, worked, answered } = account(lane);
    sum.asked += asked;
    sum.worked += worked;
    sum.answered += answered;
    for (const caller of lane.callers) caller.end();
  }
  return sum;
}
