import type { Outcome } from '../../src/tasks/dispatcher.ts';
import { isUnfit } from '../../src/tasks/health.ts';
import type { Outgoing } from '../../src/tasks/link.ts';
import { taskRefusals, type TaskRequest } from '../../src/tasks/messages.ts';
import type { Worker } from '../../src/tasks/worker.ts';
import type { Workers } from '../../src/tasks/workers.ts';
import type { SimClock } from './clock.ts';

export const limits = {
  retryCount: 0,
  tasksMax: 0,
  answerTimeoutMs: 30_000,
  callerTimeoutMs: 100_000,
  silentAfterMs: 15_000,
  workersMax: 30,
  goneAfterMs: 180_000,
  forgetAfterMs: 600_000,
  ejectFailures: 3,
  ejectTimeMs: 5_000,
  ejectTimeMaxMs: 300_000,
};

export const parents: Record<string, string> = {
  a1: 'a',
  a2: 'a',
  b1: 'b',
  a: 'top',
  b: 'top',
  top: 'global',
};

/** How late a deadline may be. */
const tickMs = 25;
/** How late a sweep may be. */
const sweepMs = 1_000;

/** A task as an observer with perfect knowledge sees it. */
export interface SeenTask {
  id: string;
  request: TaskRequest;
  begunMs: number;
  sent: Model[];
  /** The last call ended without a word: the next worker's turn. */
  mayGoOn: boolean;
  outcome: Outcome | undefined;
  hungUp: boolean;
}

/** A call that a worker has in hand. */
export interface Held {
  task: SeenTask;
  by: Model;
  sentMs: number;
  isAnswered: boolean;
  isHeldByCaller: boolean;
  isOver: boolean;
}

/** What a worker says of itself. */
export interface Said {
  region: string;
  concurrencyMax: number;
}

/** A worker as it should be known, kept apart from the core's own bookkeeping. */
export interface Model {
  core: Worker;
  said: Said;
  address: string | undefined;
  inHand: Set<Held>;
  failuresInRow: number;
  ejected: boolean;
  pauseMs: number;
  pauseEndMs: number;
  trial: Held | undefined;
  seenMs: number;
  dropped: number;
}

/** Holds the core to its promises. `broken` is the first that it broke. */
export class TasksObserver {
  broken: string | undefined;
  readonly tasks: SeenTask[] = [];
  private readonly models = new Map<Worker, Model>();

  constructor(
    private readonly clock: SimClock,
    private readonly workers: () => Workers,
    private readonly retryCount: number,
  ) {}

  broke(promise: string): void {
    this.broken ??= promise;
  }

  /** It said this of itself. `before` had its name until then. */
  arrived(core: Worker, said: Said, before: Worker | undefined): void {
    const { link } = core;
    const isSameWay =
      before?.link === link ||
      (link.address !== undefined && before?.link.address === link.address);
    if (isSameWay !== (before === core)) this.broke(`${core.nodeId} is taken for another`);
    const model = this.modelOf(core);
    model.seenMs = this.clock.now();
    model.said = said;
  }

  modelOf(core: Worker): Model {
    let model = this.models.get(core);
    if (model === undefined) {
      model = {
        core,
        said: core,
        address: core.link.address,
        inHand: new Set(),
        failuresInRow: 0,
        ejected: false,
        pauseMs: 0,
        pauseEndMs: 0,
        trial: undefined,
        seenMs: this.clock.now(),
        dropped: 0,
      };
      this.models.set(core, model);
    }
    return model;
  }

  /** A call goes out: was that allowed, and was it this worker's turn? */
  sent(model: Model, outgoing: Outgoing): Held {
    const task = this.tasks.find(({ id }) => id === outgoing.taskId)!;
    const say = (what: string) => this.broke(`${task.id} to ${model.core.nodeId}: ${what}`);
    const { sent, request } = task;
    if (outgoing.payload !== request.payload) say('is given the payload of another task');
    if (task.outcome !== undefined || task.hungUp) say('is sent though nobody waits');
    if (sent.length > 0 && !task.mayGoOn) say('is sent again though it may have been done');
    if (sent.length > 0 && !request.mayRetry) say('is sent again though it must not be');
    if (sent.length > this.retryCount) say('is tried too often');
    if (sent.some((other) => isOneWorker(other, model))) say('is sent there twice');
    if (this.clock.now() > task.begunMs + request.timeoutMs + tickMs)
      say('is sent after its deadline');
    if (outgoing.attempt !== sent.length + 1) say(`is called attempt ${outgoing.attempt}`);
    const level = this.levels(request.region).find((pool) =>
      pool.some((one) => this.isEligible(one, pool, task)),
    );
    if (level === undefined || !level.includes(model) || !this.isEligible(model, level, task))
      say('has no right to it, or somebody nearer was passed over');
    const held: Held = {
      task,
      by: model,
      sentMs: this.clock.now(),
      isAnswered: false,
      isHeldByCaller: false,
      isOver: false,
    };
    if (this.isTrialDue(model)) model.trial = held;
    sent.push(model);
    task.mayGoOn = false;
    model.inHand.add(held);
    this.agree();
    return held;
  }

  /** A call is over. `silentMs`: how long it was without a word, where the core gave it up. */
  over(held: Held, how: 'succeeded' | 'failed' | { silentMs: number }, mayGoOn = false): void {
    const model = held.by;
    held.isOver = true;
    held.task.mayGoOn = mayGoOn;
    model.inHand.delete(held);
    const wasTrial = model.trial === held;
    if (wasTrial) model.trial = undefined;
    if (how === 'succeeded') {
      Object.assign(model, { failuresInRow: 0, ejected: false, trial: undefined });
    } else if (how === 'failed' || how.silentMs >= limits.silentAfterMs) {
      model.failuresInRow += 1;
      if (wasTrial) this.eject(model, Math.min(2 * model.pauseMs, limits.ejectTimeMaxMs));
      else if (!model.ejected && model.failuresInRow >= limits.ejectFailures)
        this.eject(model, limits.ejectTimeMs);
    }
  }

  /** After a call that ended without a word: the task is with the next worker, or its caller knows. */
  goesOn({ id, mayGoOn, outcome, hungUp }: SeenTask): void {
    if (mayGoOn && outcome === undefined && !hungUp) this.broke(`${id} is forgotten`);
  }

  /** A caller is told. */
  settled(task: SeenTask, outcome: Outcome): void {
    const say = (what: string) => this.broke(`${task.id}: ${what}`);
    if (task.outcome !== undefined) say('is answered twice');
    if (task.hungUp) say('is answered though its caller is gone');
    task.outcome = outcome;
    if (this.clock.now() > task.begunMs + task.request.timeoutMs + tickMs)
      say('is answered after its deadline');
    if (outcome.attempts !== task.sent.length) say(`counts ${outcome.attempts} attempts`);
    if ('answer' in outcome) {
      if (outcome.worker !== task.sent.at(-1)?.core) say('names another worker');
      if (
        String(outcome.answer.body) !== `done ${task.id}` &&
        !(outcome.answer.body instanceof ReadableStream)
      )
        say('is given the answer of another task');
      return;
    }
    const { refusal } = outcome;
    const isEnded = this.clock.now() >= task.begunMs + task.request.timeoutMs;
    if (refusal === taskRefusals.deadline && !isEnded) say('meets its deadline too early');
    const couldGoOn =
      task.sent.length === 0 ||
      (task.mayGoOn && task.request.mayRetry && task.sent.length <= this.retryCount);
    if (refusal === taskRefusals.noWorker && task.sent.length > 0) say('had a worker');
    const isGivenUp = refusal === taskRefusals.noWorker || refusal === taskRefusals.failed;
    if (!isGivenUp || !couldGoOn) return;
    const left = this.levels(task.request.region).some((pool) =>
      pool.some((one) => this.isEligible(one, pool, task)),
    );
    if (left) say('is refused though somebody could do it');
  }

  /** Every task that was handed out has come back. */
  ended(): void {
    for (const { core, inHand } of this.models.values())
      if (inHand.size > 0 || core.inFlight !== 0) this.broke(`${core.nodeId} never lets go`);
  }

  /** The core's picture and this one are the same. */
  agree(): void {
    const nowMs = this.clock.now();
    for (const core of this.workers().byId.values()) {
      const model = this.modelOf(core);
      const say = (what: string) => this.broke(`${core.nodeId}: ${what}`);
      if (core.inFlight !== model.inHand.size)
        say(`has ${model.inHand.size} tasks in hand, counted as ${core.inFlight}`);
      if (isUnfit(core.health) !== model.ejected)
        say(model.ejected ? 'should be ejected' : 'should not be ejected');
      if (core.dropped !== model.dropped)
        say(`${core.dropped} answers dropped, not ${model.dropped}`);
      if (core.protocol !== 'http') continue;
      const silentMs = nowMs - model.seenMs;
      if (core.isGone && silentMs < limits.goneAfterMs) say('is gone too early');
      if (!core.isGone && silentMs > limits.goneAfterMs + sweepMs) say('should be gone');
      if (silentMs > limits.forgetAfterMs + sweepMs) say('should be forgotten');
    }
  }

  private eject(model: Model, pauseMs: number): void {
    Object.assign(model, { ejected: true, pauseMs, pauseEndMs: this.clock.now() + pauseMs });
  }

  /** The pools that serve a region, nearest first; by walking up from every worker. */
  private levels(region: string | undefined): Model[][] {
    const present = [...this.workers().byId.values()]
      .filter(({ isGone }) => !isGone)
      .map((core) => this.modelOf(core));
    const levels: Model[][] = [];
    let at: string | undefined = region;
    for (; at !== undefined && !['', 'default', 'global'].includes(at); at = parents[at])
      levels.push(present.filter(({ said }) => lies(said.region, at!)));
    return [...levels, present];
  }

  private isEligible(model: Model, pool: readonly Model[], { sent }: SeenTask): boolean {
    const { core, inHand, said } = model;
    if (sent.some((other) => isOneWorker(other, model))) return false;
    if (said.concurrencyMax > 0 && inHand.size >= said.concurrencyMax) return false;
    if (!core.link.isOpen) return false;
    const isSuspended = pool.filter(({ ejected }) => ejected).length * 2 > pool.length;
    return !model.ejected || isSuspended || this.isTrialDue(model);
  }

  private isTrialDue({ ejected, trial, pauseEndMs }: Model): boolean {
    return ejected && trial === undefined && this.clock.now() >= pauseEndMs;
  }
}

function isOneWorker(one: Model, other: Model): boolean {
  return (
    one.core.nodeId === other.core.nodeId ||
    (one.address !== undefined && one.address === other.address)
  );
}

function lies(region: string, within: string): boolean {
  for (let at: string | undefined = region; at !== undefined; at = parents[at])
    if (at === within) return true;
  return false;
}
