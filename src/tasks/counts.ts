import type { Refusal } from '../refusal.ts';
import type { Timing } from '../shown.ts';
import { Latencies } from './latencies.ts';
import { taskRefusals } from './messages.ts';

/** Refusals of tasks, by the word that stands for each in the metrics. */
const words = {
  bad_task: taskRefusals.badTask,
  bad_task_key: taskRefusals.badTaskKey,
  slow_task: taskRefusals.slowTask,
  big_task: taskRefusals.bigTask,
  not_json: taskRefusals.notJson,
  failed: taskRefusals.failed,
  bad_answer: taskRefusals.badAnswer,
  too_many_tasks: taskRefusals.tooManyTasks,
  too_many_bodies: taskRefusals.tooManyBodies,
  no_worker: taskRefusals.noWorker,
  stopping: taskRefusals.stopping,
  deadline: taskRefusals.deadline,
} as const;

const wordOf = new Map<Refusal, string>(
  Object.entries(words).map(([word, refusal]) => [refusal, word]),
);

/** A task that ended, as far as is told of it. */
export interface Ended {
  taskId: string;
  region: string | undefined;
  attempts: number;
  ms: number;
}

export interface TaskCountsPorts {
  /** How long a task took, by its outcome. */
  took: Timing;
  report(level: 'warn', event: string, fields: object): void;
}

/** What became of the tasks. Added to as it happens, read when somebody asks. */
export class TaskCounts {
  /** Tasks that were taken in, whether or not there was a worker. */
  accepted = 0;
  answered = 0;
  /** Callers who went away before there was an answer. */
  hungUp = 0;
  /** Answers that ended too early, their callers having had the head. */
  brokenOff = 0;
  /** Calls to workers, and those that were not the first of their task. */
  tries = 0;
  retried = 0;
  /** How long the last answers took. */
  readonly latencies = new Latencies(1024);
  private readonly refusals = new Map<Refusal, number>();

  /** Without ports it only counts. */
  constructor(private readonly ports?: TaskCountsPorts) {}

  answer(ms: number): void {
    this.answered += 1;
    this.latencies.add(ms);
    this.ports?.took(ms / 1000, 'answered');
  }

  hangUp(ms: number): void {
    this.hungUp += 1;
    this.ports?.took(ms / 1000, 'hung_up');
  }

  /** `ended` of a task that was one; what could not be read has neither id nor region. */
  refuse(refusal: Refusal, ended?: Ended): void {
    this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
    if (this.ports === undefined || ended === undefined) return;
    const { taskId: task_id, region, attempts, ms } = ended;
    const reason = wordOf.get(refusal)!;
    this.ports.took(ms / 1000, reason);
    if (refusal.code < 500) return;
    const { code } = refusal;
    this.ports.report('warn', 'task_failed', {
      task_id,
      region,
      code,
      reason,
      attempts,
      ms: Math.round(ms),
    });
  }

  /** By outcome, all requests. */
  outcomes(): Record<string, number> {
    return { answered: this.answered, ...this.failures() };
  }

  /** By outcome, those that brought no answer. */
  failures(): Record<string, number> {
    const refused = Object.entries(words).map(([word, refusal]) => [
      word,
      this.refusals.get(refusal) ?? 0,
    ]);
    return { hung_up: this.hungUp, ...Object.fromEntries(refused) };
  }
}
