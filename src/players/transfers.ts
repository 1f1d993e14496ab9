import type { Cancel } from '../sockets/ports.ts';
import type { FileFrame } from './file-frames.ts';
import type { PlayerSeat } from './seat.ts';
import {
  receivingView,
  sendingView,
  TransferFigures,
  type TransferView,
} from './transfer-figures.ts';
import { Forwarding } from './transfer-forwarding.ts';
import type { TransferLimits, TransferPorts } from './transfer-ports.ts';
import { Receiving } from './transfer-receiving.ts';
import { Shelf } from './transfer-shelf.ts';

/**
 * Files between players (docs/protocol-players.md, "Files"): received to disk, then forwarded, so that
 * neither side must be as fast as the other and the target may be away. A file is recorded before its
 * sender hears that it was sent; from then on it waits until its target has it, or `keepMs`.
 *
 * All calls are synchronous, so frames keep their order; seats are open, and of a user's two the
 * older one has left before the newer one joins.
 */
export class Transfers {
  readonly figures = new TransferFigures();
  private readonly shelf: Shelf;
  private readonly receiving: Receiving;
  private readonly forwarding: Forwarding;
  private stopSweeping: Cancel = () => {};
  private stopLooking: Cancel = () => {};

  constructor(
    private readonly ports: TransferPorts,
    private readonly limits: TransferLimits,
  ) {
    this.shelf = new Shelf(ports);
    const { shelf, figures } = this;
    this.forwarding = new Forwarding({ ...ports, shelf, figures }, limits);
    const stored = this.forwarding.add.bind(this.forwarding);
    this.receiving = new Receiving({ ...ports, shelf, figures, stored }, limits);
  }

  /** Takes over what an earlier run left. Call before the first connection. */
  async begin(): Promise<void> {
    await this.shelf.load();
    for (const transfer of this.shelf.waiting()) this.forwarding.add(transfer);
    this.expire();
    this.sweepLater();
    this.lookLater();
  }

  frame(seat: PlayerSeat, frame: FileFrame): void {
    if (frame.type === 'file_send_begin') this.receiving.begin(seat, frame);
    else if (frame.type === 'file_send_complete') this.receiving.complete(seat, frame);
    else this.forwarding.received(seat, frame.transferId);
  }

  /** A binary frame. Nobody may change the bytes any more. */
  bytes(seat: PlayerSeat, bytes: Uint8Array): void {
    this.receiving.bytes(seat, bytes);
  }

  /** The user is online: it is given the files that wait for it. */
  joined(seat: PlayerSeat): void {
    this.forwarding.give(seat);
  }

  /** The connection ended: what it was sending can be resumed, what it was given begins anew. */
  left(seat: PlayerSeat): void {
    this.receiving.left(seat);
    this.forwarding.left(seat);
  }

  /** The socket's buffer went down. */
  drained(seat: PlayerSeat): void {
    this.forwarding.drained(seat);
  }

  /** What is under way from and to a user who is online. */
  of(userId: string): TransferView[] {
    const views = this.shelf.of(userId).flatMap((one) => sendingView(one) ?? []);
    for (const [one, bytes] of this.forwarding.givenTo(userId))
      views.push(receivingView(one, bytes));
    return views;
  }

  /** Bytes of files that wait for their targets. */
  waitingBytes(): number {
    let bytes = 0;
    for (const { state, fileSize } of this.shelf.byId.values())
      if (state === 'waiting') bytes += fileSize;
    return bytes;
  }

  /** Takes and gives nothing more; within `budgetMs` what came is on disk, finished or resumable. */
  async drain(budgetMs: number): Promise<void> {
    this.end();
    const stopped = this.receiving.stop();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.ports.clock.after(budgetMs, resolve);
    await Promise.race([stopped, late]);
    cancel();
  }

  /** Ends at once, as a crash would. */
  end(): void {
    this.stopSweeping();
    this.stopLooking();
    this.forwarding.stop();
  }

  private sweepLater(): void {
    const { keepMs, resumeMs } = this.limits;
    this.stopSweeping = this.ports.clock.after(Math.min(60_000, keepMs / 60, resumeMs / 60), () => {
      this.sweepLater();
      this.shelf.sweep();
      this.expire();
    });
  }

  private lookLater(): void {
    this.stopLooking = this.ports.clock.after(this.limits.stallMs / 4, () => {
      this.lookLater();
      this.receiving.endStalled();
    });
  }

  private expire(): void {
    const { keepMs, resumeMs } = this.limits;
    const nowMs = this.ports.clock.wallMs();
    for (const transfer of this.shelf.byId.values()) {
      const { id, state, touchedMs, upload } = transfer;
      if (nowMs - touchedMs < (state === 'waiting' ? keepMs : resumeMs)) continue;
      if (state === 'over' || upload !== undefined || this.forwarding.isMoving(transfer)) continue;
      this.ports.report('info', 'file_expired', { id, state });
      if (state === 'waiting') this.forwarding.forget(transfer);
      else void this.shelf.remove(transfer);
    }
  }
}
