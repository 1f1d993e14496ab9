import type { Peer } from '../../src/sockets/ports.ts';
import { TaskCounts } from '../../src/tasks/counts.ts';
import { Dispatcher, type DispatcherLimits, type Outcome } from '../../src/tasks/dispatcher.ts';
import type { CallEvents, Link, Outgoing } from '../../src/tasks/link.ts';
import { TaskFrames, type TaskRequest, type WorkerAnswer } from '../../src/tasks/messages.ts';
import { Regions } from '../../src/tasks/regions.ts';
import { WorkerSockets } from '../../src/tasks/worker-sockets.ts';
import { type Arrival, Workers, type WorkersLimits } from '../../src/tasks/workers.ts';
import { SimClock } from '../sim/clock.ts';

export const frames = new TaskFrames({ idLengthMax: 128, jsonDepthMax: 64, answerBytesMax: 1000 });

/** A call as its worker sees it. */
export interface StagedCall extends Outgoing {
  to: string;
  events: CallEvents;
  isCancelled: boolean;
  isHeldByCaller: boolean;
}

export interface StageLimits extends WorkersLimits, DispatcherLimits {}

/** The core with a clock that the test moves, and workers that do what the test says. */
export class Stage {
  readonly clock = new SimClock();
  readonly calls: StagedCall[] = [];
  readonly outcomes: Outcome[] = [];
  readonly events: string[] = [];
  readonly workers: Workers;
  readonly dispatcher: Dispatcher;
  readonly sockets: WorkerSockets;
  private ids = 0;

  constructor(
    limits: Partial<StageLimits> = {},
    parents: Record<string, string> = {},
    counts = new TaskCounts(),
  ) {
    const all: StageLimits = {
      workersMax: 100,
      goneAfterMs: 180_000,
      forgetAfterMs: 600_000,
      ejectFailures: 3,
      ejectTimeMs: 5_000,
      ejectTimeMaxMs: 300_000,
      retryCount: 3,
      tasksMax: 1000,
      answerTimeoutMs: 30_000,
      callerTimeoutMs: 240_000,
      silentAfterMs: 15_000,
      ...limits,
    };
    const { clock } = this;
    const report = (_level: string, event: string, fields: object) =>
      void this.events.push(`${event} ${Object.values(fields).join(' ')}`);
    const newId = () => `t${(this.ids += 1)}`;
    this.workers = new Workers({ clock, regions: new Regions(parents), report }, all);
    this.dispatcher = new Dispatcher({ clock, workers: this.workers, newId }, all, counts);
    const isToken = (token: string) => token === 'good';
    this.sockets = new WorkerSockets(
      { clock, workers: this.workers, frames, isToken, newId: () => 'made-up', report },
      { registerTimeoutMs: 10_000, writeTimeoutMs: 4_000, pingIntervalMs: 3_000, slowBytes: 100 },
    );
    this.workers.begin();
    this.sockets.begin();
  }

  /** An HTTP worker's heartbeat. */
  beat(nodeId: string, more: Partial<Arrival> = {}, address = `${nodeId}:3000`) {
    const arrival = {
      nodeId,
      protocol: 'http',
      region: 'r',
      weight: 1,
      concurrencyMax: 0,
    } as const;
    return this.workers.arrive({ ...arrival, ...more }, this.link(nodeId, address));
  }

  ask(more: Partial<TaskRequest> = {}) {
    const request = {
      region: undefined,
      payload: '1',
      timeoutMs: 15_000,
      mayRetry: true,
      sticky: undefined,
    };
    return this.dispatcher.run({ ...request, ...more }, undefined, (outcome) =>
      this.outcomes.push(outcome),
    );
  }

  /** Who has been given tasks, in order. */
  get given(): string {
    return this.calls.map(({ to }) => to).join(' ');
  }

  get last(): StagedCall {
    return this.calls.at(-1)!;
  }

  answer(call = this.last, body: WorkerAnswer['body'] = 'done'): void {
    call.events.answered({ status: 200, contentType: undefined, headers: [], body });
    if (!(body instanceof ReadableStream)) call.events.ended();
  }

  /** The worker says nothing and the connection ends. */
  close(call = this.last): void {
    call.events.failed({ kind: 'closed' });
  }

  /** What the callers were told: the answer's body, or the refusal. */
  get told(): string[] {
    return this.outcomes.map((one) =>
      'answer' in one ? String(one.answer.body) : one.refusal.message,
    );
  }

  private link(nodeId: string, address: string): Link {
    return {
      isOpen: true,
      address,
      replaced: () => this.events.push(`link of ${nodeId} replaced`),
      send: (outgoing, events) => {
        const call: StagedCall = {
          ...outgoing,
          to: nodeId,
          events,
          isCancelled: false,
          isHeldByCaller: false,
        };
        this.calls.push(call);
        return Object.assign(call, { cancel: () => void (call.isCancelled = true) });
      },
    };
  }
}

/** A socket made of nothing. */
export class StagePeer implements Peer {
  data: { seat: unknown } = { seat: undefined };
  /** What was sent, parsed; pings as `ping`. */
  readonly frames: any[] = [];
  closed: number | 'terminated' | undefined;
  unread = 0;
  readonly seat;

  constructor(private readonly stage: Stage) {
    this.seat = stage.sockets.open(this, '192.0.2.1');
  }

  say(frame: unknown): void {
    this.stage.sockets.frame(this.seat, typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  register(nodeId?: string, more: object = {}): void {
    this.say({
      type: 'register',
      payload: { token: 'good', region: 'r', node_id: nodeId, ...more },
    });
  }

  send(text: string): void {
    this.frames.push(JSON.parse(text));
  }

  ping(): void {
    this.frames.push('ping');
  }

  close(code: number): void {
    this.end(code, code);
  }

  terminate(): void {
    this.end('terminated', 1006);
  }

  getBufferedAmount(): number {
    return this.unread;
  }

  cork(fn: () => void): void {
    fn();
  }

  subscribe(): void {}
  unsubscribe(): void {}

  private end(how: number | 'terminated', code: number): void {
    if (this.closed !== undefined) return;
    this.closed = how;
    this.stage.sockets.closed(this.seat, code);
  }
}
