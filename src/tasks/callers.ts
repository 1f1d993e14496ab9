import { Deadlines, type Due, nowhere } from '../deadlines.ts';
import type { Clock } from '../sockets/ports.ts';
import type { Outcome, Task } from './dispatcher.ts';

export interface CallersPorts {
  clock: Clock;
  /** How long a request's connection may be without a byte, in s; 0: for ever. */
  bearSilence(request: Request, seconds: number): void;
}

/** Whose task is done sooner is never looked at. */
const patienceMs = 100;
/**
 * How long a caller may take no byte of a stream, in s: longer than `caller_timeout` may be, and the
 * most that Bun knows. And of anything else.
 */
const stalledCallerS = 255;
const idleS = 10;

/**
 * Callers whose tasks run. That one hangs up is noticed up to 120 ms after it began: most tasks are
 * done before that, and to listen would cost more than much else about them.
 */
export class Callers {
  readonly waiting: Deadlines<Caller>;

  constructor(readonly ports: CallersPorts) {
    this.waiting = new Deadlines(ports.clock);
  }

  /** What comes of the task that `run` begins. Never resolves for a caller who hangs up. */
  wait(request: Request, run: (settle: (outcome: Outcome) => void) => Task): Promise<Outcome> {
    return new Promise((resolve) => {
      const caller = new Caller(this, request, resolve);
      const task = run((outcome) => caller.settled(outcome));
      caller.begun(task);
    });
  }
}

class Caller implements Due {
  place = nowhere;
  dueMs = 0;
  private task: Task | undefined;
  private isSettled = false;
  private isWatched = false;

  constructor(
    private readonly callers: Callers,
    private readonly request: Request,
    private readonly resolve: (outcome: Outcome) => void,
  ) {}

  begun(task: Task): void {
    this.task = task;
    if (this.isSettled) return;
    this.dueMs = this.callers.ports.clock.now() + patienceMs;
    this.callers.waiting.add(this);
  }

  due(): void {
    this.callers.waiting.delete(this);
    // However long the worker takes, the deadline is the task's own.
    this.callers.ports.bearSilence(this.request, 0);
    this.watch();
  }

  settled(outcome: Outcome): void {
    const { callers, request } = this;
    this.isSettled = true;
    callers.waiting.delete(this);
    const isStream = 'answer' in outcome && outcome.answer.body instanceof ReadableStream;
    if (isStream) this.watch();
    if (this.isWatched) callers.ports.bearSilence(request, isStream ? stalledCallerS : idleS);
    this.resolve(outcome);
  }

  private watch(): void {
    if (this.isWatched) return;
    this.isWatched = true;
    const { signal } = this.request;
    const hangUp = () => this.task?.hangUp();
    if (signal.aborted) hangUp();
    else signal.addEventListener('abort', hangUp);
  }
}
