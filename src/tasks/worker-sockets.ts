import { hostPort, normalAddress } from '../access/networks.ts';
import { socketRefusals } from '../sockets/accept.ts';
import type { Cancel, Clock, Peer } from '../sockets/ports.ts';
import type { Call, CallEvents, CallFailure, Link, Outgoing } from './link.ts';
import {
  encodeCancel,
  encodeError,
  encodeHeartbeatAck,
  encodeRegistered,
  encodeTask,
  Fault,
  type Registration,
  type TaskFrames,
  taskRefusals,
} from './messages.ts';
import type { Worker } from './worker.ts';
import type { Workers } from './workers.ts';

export interface WorkerSocketsLimits {
  /** How long a socket may take to register. */
  registerTimeoutMs: number;
  /** How long it may take no byte of what waits for it. */
  writeTimeoutMs: number;
  pingIntervalMs: number;
  /** With more than this unread it gets no further task. */
  slowBytes: number;
}

export interface WorkerSocketsPorts {
  clock: Clock;
  workers: Workers;
  frames: TaskFrames;
  isToken(token: string): boolean;
  newId(): string;
  report(level: 'info' | 'warn', event: string, fields: object): void;
}

/** Longest frame before registration, in characters. */
const strangerCharsMax = 64 * 1024;

/** Workers on WebSocket: who they are, whether they live, and the tasks in their hands. */
export class WorkerSockets {
  private readonly seats = new Set<WorkerSeat>();
  private readonly sweepMs: number;
  private stopSweeping: Cancel = () => {};

  constructor(
    readonly ports: WorkerSocketsPorts,
    readonly limits: WorkerSocketsLimits,
  ) {
    const { registerTimeoutMs, writeTimeoutMs, pingIntervalMs } = limits;
    const shortest = Math.min(registerTimeoutMs, writeTimeoutMs, pingIntervalMs);
    this.sweepMs = Math.max(10, Math.min(1000, shortest / 4));
  }

  /** Sockets that are open, registered or not. */
  get size(): number {
    return this.seats.size;
  }

  begin(): void {
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      this.sweep();
      this.begin();
    });
  }

  /** Ends every connection. */
  end(): void {
    this.stopSweeping();
    const { close, message } = taskRefusals.leaving;
    for (const { peer } of this.seats) peer.close(close, message);
  }

  /** `address` is where it comes from, for the log. */
  open(peer: Peer, address: string): WorkerSeat {
    const seat = new WorkerSeat(peer, address, this);
    this.seats.add(seat);
    return seat;
  }

  /** A frame; undefined for a binary one. */
  frame(seat: WorkerSeat, text: string | undefined): void {
    this.alive(seat);
    if (seat.worker === undefined && (text?.length ?? 0) > strangerCharsMax) {
      const { close, message } = socketRefusals.tooLarge;
      return seat.peer.close(close, message);
    }
    const frame = text === undefined ? new Fault('not text') : this.ports.frames.frame(text);
    if (frame instanceof Fault) return seat.reply(encodeError('Malformed frame.', frame.detail));
    if (frame.type === 'register') return this.register(seat, frame.registration);
    if (seat.worker === undefined) return seat.reply(encodeError('Not registered.'));
    if (frame.type === 'heartbeat') {
      this.ports.workers.counts.heartbeats += 1;
      const timestamp = new Date(this.ports.clock.wallMs()).toISOString();
      return seat.reply(encodeHeartbeatAck(timestamp));
    }
    const { answer, taskId } = frame;
    const events = seat.take(taskId);
    if (events === undefined) {
      seat.worker.dropped += 1;
      return this.ports.report('warn', 'response_dropped', { node_id: seat.worker.nodeId });
    }
    if (answer instanceof Fault) {
      seat.reply(encodeError('Malformed task_response.', answer.detail));
      return events.failed({ kind: 'garbled', detail: answer.detail });
    }
    events.answered(answer);
    events.ended();
  }

  pong(seat: WorkerSeat): void {
    this.alive(seat);
  }

  /** Its buffer went down. */
  drained(seat: WorkerSeat): void {
    seat.stuckSinceMs = undefined;
    seat.look();
  }

  closed(seat: WorkerSeat, code: number): void {
    this.seats.delete(seat);
    const { worker } = seat;
    if (worker !== undefined) this.ports.workers.leave(worker, `closed ${code}`);
    // 1009 is ours: it did begin to answer.
    seat.failAll(
      code === 1009 ? { kind: 'garbled', detail: 'larger than answer_mb' } : { kind: 'closed' },
    );
  }

  private alive(seat: WorkerSeat): void {
    seat.seenMs = this.ports.clock.now();
    if (seat.worker !== undefined) this.ports.workers.seen(seat.worker);
  }

  private register(seat: WorkerSeat, registration: Registration): void {
    const { workers, isToken, newId, report } = this.ports;
    const { token, region, weight = 1, max_concurrency: concurrencyMax = 0 } = registration;
    const { ip, port, node_id: given } = registration;
    if (!isToken(token)) {
      const { badToken } = taskRefusals;
      report('warn', 'token_refused', { address: seat.from });
      seat.reply(encodeError(badToken));
      return seat.peer.close(badToken.close, badToken.message);
    }
    const known = seat.worker?.nodeId;
    if (known !== undefined && given !== undefined && given !== known)
      return seat.reply(encodeError('Already registered under another node_id.'));
    const address = ip === undefined ? undefined : normalAddress(ip);
    const own =
      address !== undefined && port !== undefined ? hostPort(address, port) : `ws-${newId()}`;
    const nodeId = given ?? known ?? own;
    const arrival = { nodeId, protocol: 'websocket', region, weight, concurrencyMax } as const;
    const worker = workers.arrive(arrival, seat);
    if (worker === undefined) return seat.reply(encodeError(taskRefusals.tooManyWorkers));
    seat.worker = worker;
    seat.reply(encodeRegistered(nodeId));
  }

  private sweep(): void {
    const nowMs = this.ports.clock.now();
    const { registerTimeoutMs, writeTimeoutMs, pingIntervalMs } = this.limits;
    for (const seat of this.seats) {
      const { peer } = seat;
      if (nowMs - seat.seenMs >= 2 * pingIntervalMs && seat.worker !== undefined) peer.terminate();
      else if (seat.stuckSinceMs !== undefined && nowMs - seat.stuckSinceMs >= writeTimeoutMs)
        peer.terminate();
      else if (seat.worker === undefined && nowMs - seat.openedMs >= registerTimeoutMs)
        peer.close(taskRefusals.unregistered.close, taskRefusals.unregistered.message);
      else if (nowMs - seat.pingedMs >= pingIntervalMs) {
        seat.pingedMs = nowMs;
        peer.ping('');
      }
    }
  }
}

/** One connection, and the way to its worker. */
export class WorkerSeat implements Link {
  worker: Worker | undefined;
  readonly openedMs: number;
  seenMs: number;
  pingedMs: number;
  /** Since when its buffer has not gone down; undefined: it is empty. */
  stuckSinceMs: number | undefined;
  isOpen = true;
  readonly address = undefined;
  private willEndTurn = false;
  /** What leaves at the end of this turn; undefined: no task has been sent in it. */
  private tasks: string[] | undefined;
  private readonly inHand = new Map<string, CallEvents>();

  constructor(
    readonly peer: Peer,
    readonly from: string,
    private readonly sockets: WorkerSockets,
  ) {
    const nowMs = sockets.ports.clock.now();
    this.openedMs = nowMs;
    this.seenMs = nowMs;
    this.pingedMs = nowMs;
  }

  send({ taskId, payload }: Outgoing, events: CallEvents): Call {
    this.inHand.set(taskId, events);
    this.writeTask(encodeTask(taskId, payload));
    return {
      isHeldByCaller: false,
      cancel: () => {
        if (this.inHand.delete(taskId)) this.write(encodeCancel(taskId));
      },
    };
  }

  replaced(): void {
    const { close, message } = taskRefusals.replaced;
    this.peer.close(close, message);
  }

  /** An answer to a frame of its own. Who does not read gets none. */
  reply(text: string): void {
    if (this.isOpen) this.write(text);
  }

  /** The task with this id goes out of its hands. */
  take(taskId: string): CallEvents | undefined {
    const events = this.inHand.get(taskId);
    this.inHand.delete(taskId);
    return events;
  }

  failAll(failure: CallFailure): void {
    const all = [...this.inHand.values()];
    this.inHand.clear();
    for (const events of all) events.failed(failure);
  }

  /** How much it leaves unread. */
  look(): void {
    const { ports, limits } = this.sockets;
    const waiting = this.peer.getBufferedAmount();
    const isOpen = waiting <= limits.slowBytes;
    if (isOpen !== this.isOpen) {
      this.isOpen = isOpen;
      if (this.worker !== undefined) ports.workers.linkChanged(this.worker);
    }
    if (waiting === 0) this.stuckSinceMs = undefined;
    else this.stuckSinceMs ??= ports.clock.now();
  }

  private write(text: string): void {
    this.flush();
    this.peer.send(text);
    this.endTurn();
  }

  /**
   * The first task of a turn leaves at once, the others together at its end: outside of the socket's
   * own handlers each would be a system call, dearer than all else about it.
   */
  private writeTask(text: string): void {
    if (this.tasks === undefined) {
      this.write(text);
      this.tasks = [];
    } else this.tasks.push(text);
  }

  private flush(): void {
    const { tasks, peer } = this;
    if (tasks === undefined || tasks.length === 0) return;
    this.tasks = [];
    peer.cork(() => {
      for (const text of tasks) peer.send(text);
    });
  }

  private endTurn(): void {
    if (this.willEndTurn) return;
    this.willEndTurn = true;
    // Inside a handler the buffer reads 0.
    this.sockets.ports.clock.nextTurn(() => {
      this.flush();
      this.willEndTurn = false;
      this.tasks = undefined;
      this.look();
    });
  }
}
