import { Deadlines, type Due, nowhere } from '../deadlines.ts';
import type { Refusal } from '../refusal.ts';
import type { Cancel, Clock } from '../sockets/ports.ts';
import { TaskCounts } from './counts.ts';
import type { Call, CallEvents, CallFailure } from './link.ts';
import { taskRefusals, type TaskRequest, type WorkerAnswer } from './messages.ts';
import type { Worker } from './worker.ts';
import type { Workers } from './workers.ts';

export interface DispatcherLimits {
  /** Further workers that a failed task is tried on. */
  retryCount: number;
  tasksMax: number;
  /** A pause this long ends an answer that began. */
  answerTimeoutMs: number;
  /** The same where it is the caller who takes no more. */
  callerTimeoutMs: number;
  /** A call without an answer for so long has failed. */
  silentAfterMs: number;
}

export interface DispatcherPorts {
  clock: Clock;
  workers: Workers;
  newId(): string;
}

/** What a caller gets, once. */
export type Outcome = { taskId: string; attempts: number } & (
  { answer: WorkerAnswer; worker: Worker } | { refusal: Refusal; detail?: string | undefined }
);

export interface Task {
  /** The caller went away. */
  hangUp(): void;
}

/** Gives each task to a worker, to another if that one cannot be had, and its answer to the caller. */
export class Dispatcher {
  readonly running: Deadlines<RunningTask>;
  private isDraining = false;
  private onIdle: (() => void) | undefined;

  constructor(
    readonly ports: DispatcherPorts,
    readonly limits: DispatcherLimits,
    readonly counts = new TaskCounts(),
  ) {
    this.running = new Deadlines(ports.clock);
  }

  /** Tasks in flight: until the last byte of the answer has come. */
  get inFlight(): number {
    return this.running.size;
  }

  /**
   * Runs a task; `settle` is called once, perhaps before this returns. `acceptEncoding` is what the
   * caller said of that.
   */
  run(
    request: TaskRequest,
    acceptEncoding: string | undefined,
    settle: (outcome: Outcome) => void,
  ): Task {
    const task = new RunningTask(this, request, acceptEncoding, settle);
    const refusal = this.isDraining
      ? taskRefusals.stopping
      : this.running.size >= this.limits.tasksMax
        ? taskRefusals.tooManyTasks
        : undefined;
    if (refusal !== undefined) task.tell({ taskId: task.id, attempts: 0, refusal });
    else {
      this.counts.accepted += 1;
      this.running.add(task);
      task.begin();
    }
    return task;
  }

  /** Refuses new tasks and resolves when those in flight are done; cuts off what is left then. */
  async drain(budgetMs: number): Promise<void> {
    this.isDraining = true;
    if (this.running.size === 0) return;
    const { clock } = this.ports;
    let cancel: Cancel = () => {};
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      cancel = clock.after(budgetMs, resolve);
    });
    cancel();
    for (const task of this.running.all()) task.cutOff(taskRefusals.stopping);
  }

  over(task: RunningTask): void {
    this.running.delete(task);
    if (this.running.size === 0) this.onIdle?.();
  }
}

class RunningTask implements Task, Due {
  readonly id: string;
  private readonly tried: Worker[] = [];
  private readonly deadlineWallMs: number;
  private readonly begunMs: number;
  private attempt: Attempt | undefined;
  private isSettled = false;
  /** Its deadline; when the caller has the head of a stream, when that pauses for too long. */
  dueMs: number;
  place = nowhere;

  constructor(
    readonly dispatcher: Dispatcher,
    private readonly request: TaskRequest,
    private readonly acceptEncoding: string | undefined,
    private readonly settle: (outcome: Outcome) => void,
  ) {
    const { clock, newId } = dispatcher.ports;
    this.id = newId();
    this.deadlineWallMs = clock.wallMs() + request.timeoutMs;
    this.begunMs = clock.now();
    this.dueMs = this.begunMs + request.timeoutMs;
  }

  begin(): void {
    this.tryNext();
  }

  due(): void {
    const { ports, limits } = this.dispatcher;
    const nowMs = ports.clock.now();
    // What is still running and settled is a stream. Who holds it up may change until the next look.
    if (this.isSettled) this.dueMs = Math.min(this.pauseEndMs(), nowMs + limits.answerTimeoutMs);
    if (this.dueMs <= nowMs) this.cutOff(taskRefusals.deadline);
  }

  hangUp(): void {
    if (!this.isSettled) this.dispatcher.counts.hangUp(this.ms());
    this.isSettled = true;
    this.attempt?.giveUp();
    this.done();
  }

  /** Ends it from our side, whatever it is doing. */
  cutOff(refusal: Refusal): void {
    this.attempt?.giveUp();
    this.refuse(refusal);
  }

  /** The head of the answer is there: the caller gets it, and its body as that comes. */
  answered(answer: WorkerAnswer, worker: Worker): void {
    const isStream = answer.body instanceof ReadableStream;
    const { ports, limits } = this.dispatcher;
    this.dueMs = isStream ? ports.clock.now() + limits.answerTimeoutMs : Infinity;
    if (isStream) this.dispatcher.running.add(this);
    this.tell({ taskId: this.id, attempts: this.tried.length, answer, worker });
  }

  /** The call brought no answer. */
  failed({ kind, detail }: CallFailure): void {
    this.attempt = undefined;
    const { mayRetry } = this.request;
    if (kind === 'garbled') this.refuse(taskRefusals.badAnswer, detail);
    else if (kind === 'broken' || !mayRetry) this.refuse(taskRefusals.failed);
    else this.tryNext();
  }

  /** No call is under way any more, and none will be. */
  done(): void {
    this.attempt = undefined;
    this.dispatcher.over(this);
  }

  /** Tells the caller what came of it, once. */
  tell(outcome: Outcome): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const { taskId, attempts } = outcome;
    const { counts } = this.dispatcher;
    if ('answer' in outcome) counts.answer(this.ms());
    else
      counts.refuse(outcome.refusal, {
        taskId,
        region: this.request.region,
        attempts,
        ms: this.ms(),
      });
    this.settle(outcome);
  }

  private refuse(refusal: Refusal, detail?: string): void {
    if (this.isSettled) this.dispatcher.counts.brokenOff += 1;
    this.done();
    this.tell({ taskId: this.id, attempts: this.tried.length, refusal, detail });
  }

  private tryNext(): void {
    const { ports, limits } = this.dispatcher;
    const { tried, request } = this;
    const isLast = tried.length > limits.retryCount;
    const { region, sticky } = request;
    const { counts } = this.dispatcher;
    const picked = isLast ? undefined : ports.workers.pick(region, { tried, sticky });
    if (picked === undefined)
      return this.refuse(tried.length === 0 ? taskRefusals.noWorker : taskRefusals.failed);
    counts.tries += 1;
    if (tried.length > 0) counts.retried += 1;
    tried.push(picked.worker);
    this.attempt = new Attempt(this, picked.worker, picked.trial);
    this.attempt.begin({
      taskId: this.id,
      attempt: tried.length,
      deadlineWallMs: this.deadlineWallMs,
      payload: request.payload,
      acceptEncoding: this.acceptEncoding,
    });
  }

  /** An answer that pauses for longer is ended: broken, for the caller has its head. */
  private pauseEndMs(): number {
    const { answerTimeoutMs, callerTimeoutMs } = this.dispatcher.limits;
    const { movedMs, isHeldByCaller } = this.attempt!;
    return movedMs + (isHeldByCaller ? callerTimeoutMs : answerTimeoutMs);
  }

  /** Since it came. */
  private ms(): number {
    return this.dispatcher.ports.clock.now() - this.begunMs;
  }
}

/** One task in the hands of one worker. */
class Attempt implements CallEvents {
  /** When it was sent, then when bytes last came. */
  movedMs: number;
  private call: Call | undefined;

  constructor(
    private readonly task: RunningTask,
    private readonly worker: Worker,
    private readonly trial: number,
  ) {
    this.movedMs = task.dispatcher.ports.clock.now();
  }

  begin(outgoing: Parameters<Worker['link']['send']>[0]): void {
    this.call = this.worker.link.send(outgoing, this);
  }

  answered(answer: WorkerAnswer): void {
    const nowMs = this.now();
    this.worker.latencies.add(nowMs - this.movedMs);
    this.movedMs = nowMs;
    this.task.answered(answer, this.worker);
  }

  moved(): void {
    this.movedMs = this.now();
  }

  ended(): void {
    this.workers.succeeded(this.worker);
    this.task.done();
  }

  failed(failure: CallFailure): void {
    if (failure.isOurs) this.workers.abandoned(this.worker, this.trial);
    else this.workers.failed(this.worker, this.trial);
    this.task.failed(failure);
  }

  /** Nobody waits any more. A worker that was silent for long has failed; else it was not asked long enough. */
  giveUp(): void {
    const { workers, worker, trial } = this;
    const { silentAfterMs } = this.task.dispatcher.limits;
    const isSilent = this.now() - this.movedMs >= silentAfterMs && !this.isHeldByCaller;
    this.call!.cancel();
    if (isSilent) workers.failed(worker, trial);
    else workers.abandoned(worker, trial);
  }

  get isHeldByCaller(): boolean {
    return this.call!.isHeldByCaller;
  }

  private get workers(): Workers {
    return this.task.dispatcher.ports.workers;
  }

  private now(): number {
    return this.task.dispatcher.ports.clock.now();
  }
}
