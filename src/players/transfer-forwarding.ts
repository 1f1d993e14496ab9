import { encodeFailed, encodeForwardBegin, encodeForwardEnd, fileRefusals } from './file-frames.ts';
import type { PlayerSeat } from './seat.ts';
import type { TransferFigures } from './transfer-figures.ts';
import type { TransferLimits, TransferPorts } from './transfer-ports.ts';
import type { Shelf, Transfer } from './transfer-shelf.ts';

export interface ForwardingPorts extends Pick<
  TransferPorts,
  'clock' | 'files' | 'seatOf' | 'report'
> {
  shelf: Shelf;
  figures: TransferFigures;
}

/** One connection that is given its files. */
interface Forward {
  readonly seat: PlayerSeat;
  /** Files up to this number were given to it, or could not be. */
  number: number;
  /** The one that it is being given. */
  current: Transfer | undefined;
  /** When that went on last. */
  movedMs: number;
  /** Bytes of each file that it was sent and has not said that it has. */
  readonly given: Map<Transfer, number>;
  isRunning: boolean;
  isOver: boolean;
  /** Set while it waits for its socket to empty, or for the disk. */
  wake: (() => void) | undefined;
}

function newForward(seat: PlayerSeat): Forward {
  return {
    seat,
    number: 0,
    current: undefined,
    movedMs: 0,
    given: new Map(),
    isRunning: false,
    isOver: false,
    wake: undefined,
  };
}

/** How often a piece is read before the file is left for the next connection, and in which distance. */
const readTries = 3;
const readRetryMs = 1_000;

/** Gives files to their targets: each in its turn, no faster than the socket takes them. */
export class Forwarding {
  /** By target, first come first. */
  private readonly waiting = new Map<string, Transfer[]>();
  private readonly forwards = new Map<string, Forward>();
  private isStopping = false;

  constructor(
    private readonly ports: ForwardingPorts,
    private readonly limits: TransferLimits,
  ) {}

  /** A file waits from now on. Files are added in the order of their numbers. */
  add(transfer: Transfer): void {
    const { targetId } = transfer;
    this.waiting.getOrInsertComputed(targetId, () => []).push(transfer);
    const seat = this.ports.seatOf(targetId);
    if (seat !== undefined) this.give(seat);
  }

  /** Gives this connection what waits for its user. */
  give(seat: PlayerSeat): void {
    const { userId } = seat;
    if (this.isStopping || !this.waiting.has(userId)) return;
    let forward = this.forwards.get(userId);
    if (forward?.seat !== seat) {
      if (forward !== undefined) this.end(forward);
      forward = newForward(seat);
      this.forwards.set(userId, forward);
    }
    if (!forward.isRunning) void this.run(forward);
  }

  /** What it was not given, or did not say that it has, begins anew on the next connection. */
  left(seat: PlayerSeat): void {
    const forward = this.forwards.get(seat.userId);
    if (forward?.seat === seat) this.end(forward);
  }

  /** Its socket's buffer went down. */
  drained(seat: PlayerSeat): void {
    const forward = this.forwards.get(seat.userId);
    if (forward?.seat === seat && forward.wake !== undefined) this.look(forward);
  }

  /** What a user who is online was sent of which files, and has not said that it has. */
  givenTo(userId: string): Iterable<[Transfer, number]> {
    return this.forwards.get(userId)?.given ?? [];
  }

  /** It is on its way to its target: that is no time to throw it away. */
  isMoving(transfer: Transfer): boolean {
    const forward = this.forwards.get(transfer.targetId);
    const sinceMs = this.ports.clock.now() - this.limits.keepMs;
    return forward?.current === transfer && forward.movedMs > sinceMs;
  }

  /** The target has it, whole. */
  received(seat: PlayerSeat, id: string): void {
    const transfer = this.ports.shelf.byId.get(id.toLowerCase());
    if (transfer?.state === 'waiting' && transfer.targetId === seat.userId)
      this.delivered(transfer);
  }

  /** It waits no longer. */
  forget(transfer: Transfer): void {
    const { targetId } = transfer;
    const others = this.waiting.get(targetId)?.filter((one) => one !== transfer) ?? [];
    if (others.length > 0) this.waiting.set(targetId, others);
    else this.waiting.delete(targetId);
    this.forwards.get(targetId)?.given.delete(transfer);
    void this.ports.shelf.remove(transfer);
  }

  stop(): void {
    this.isStopping = true;
    for (const forward of [...this.forwards.values()]) this.end(forward);
  }

  private end(forward: Forward): void {
    forward.isOver = true;
    this.forwards.delete(forward.seat.userId);
    this.wake(forward);
  }

  private async run(forward: Forward): Promise<void> {
    const { userId } = forward.seat;
    forward.isRunning = true;
    for (;;) {
      const next = this.waiting.get(userId)?.find(({ number }) => number > forward.number);
      if (next === undefined || !this.goesOn(forward, next)) break;
      Object.assign(forward, { number: next.number, current: next });
      await this.forward(forward, next);
      forward.current = undefined;
    }
    forward.isRunning = false;
  }

  private goesOn({ isOver, seat }: Forward, { state }: Transfer): boolean {
    return !isOver && seat.state === 'open' && state === 'waiting';
  }

  private async forward(forward: Forward, transfer: Transfer): Promise<void> {
    const { peer, protocol } = forward.seat;
    const { fileSize, id } = transfer;
    const { clock, figures } = this.ports;
    const head = protocol === 1 ? new Uint8Array(0) : Buffer.from(id, 'hex');
    // With its id no larger than what a sender's frame may carry, so that any reading of that fits.
    const pieceMax = this.limits.sizes.frameBytesMax - head.length;
    await this.room(forward);
    if (!this.goesOn(forward, transfer)) return;
    peer.send(encodeForwardBegin(transfer));
    forward.movedMs = clock.now();
    // One for all: a socket copies what it cannot send at once.
    const whole = new Uint8Array(head.length + Math.min(pieceMax, fileSize));
    whole.set(head);
    for (let offset = 0; offset < fileSize; offset += pieceMax) {
      await this.room(forward);
      if (!this.goesOn(forward, transfer)) return;
      const frame = whole.subarray(0, head.length + Math.min(pieceMax, fileSize - offset));
      const isRead = await this.read(forward, transfer, offset, frame.subarray(head.length));
      if (!this.goesOn(forward, transfer)) return;
      if (!isRead) return this.giveUp(forward, transfer);
      peer.send(frame);
      const bytes = frame.length - head.length;
      figures.bytes.sent += bytes;
      forward.given.set(transfer, offset + bytes);
      forward.movedMs = clock.now();
    }
    peer.send(encodeForwardEnd(transfer));
    if (protocol === 2) return;
    await this.room(forward);
    if (this.goesOn(forward, transfer)) this.delivered(transfer);
  }

  private async read(
    forward: Forward,
    { id }: Transfer,
    offset: number,
    into: Uint8Array,
  ): Promise<boolean> {
    const { files, clock, report } = this.ports;
    for (let tries = 1; !forward.isOver; tries++) {
      try {
        await files.read(id, offset, into);
        return true;
      } catch (error) {
        report('error', 'file_unreadable', { id, offset, error: String(error) });
      }
      if (tries === readTries) break;
      await new Promise<void>((resolve) => {
        forward.wake = resolve;
        clock.after(readRetryMs, () => {
          if (forward.wake === resolve) this.wake(forward);
        });
      });
    }
    return false;
  }

  /** The file stays for the next connection; what this one has of it is worth nothing. */
  private giveUp({ seat }: Forward, { id }: Transfer): void {
    if (seat.protocol === 2) seat.peer.send(encodeFailed(2, id, fileRefusals.unreadable));
  }

  private delivered(transfer: Transfer): void {
    const { id, fileSize } = transfer;
    this.ports.report('info', 'file_delivered', { id, bytes: fileSize });
    this.ports.figures.delivered += 1;
    this.forget(transfer);
  }

  /** Resolves when nothing waits in its socket, or when it is over. */
  private room(forward: Forward): Promise<void> {
    return new Promise((resolve) => {
      forward.wake = resolve;
      this.look(forward);
    });
  }

  /** A socket's buffer reads 0 inside a handler, so in the next turn. */
  private look(forward: Forward): void {
    const { isOver, seat } = forward;
    this.ports.clock.nextTurn(() => {
      if (isOver || seat.peer.getBufferedAmount() === 0) this.wake(forward);
    });
  }

  private wake(forward: Forward): void {
    const { wake } = forward;
    forward.wake = undefined;
    wake?.();
  }
}
