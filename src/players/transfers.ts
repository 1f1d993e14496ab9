import type { Cancel } from '../sockets/ports.ts';
import { type FileFrame, fileRefusals } from './file-frames.ts';
import type { PlayerSeat } from './seat.ts';
import { TransferFigures, type TransferView } from './transfer-figures.ts';
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

  constructor(
    private readonly ports: TransferPorts,
    private readonly limits: TransferLimits,
  ) {
    const watched = this.figures.watching(ports, () => this.shelf);
    this.shelf = new Shelf(watched);
    this.forwarding = new Forwarding({ ...watched, shelf: this.shelf }, limits);
    const stored = this.forwarding.add.bind(this.forwarding);
    this.receiving = new Receiving({ ...watched, shelf: this.shelf, stored }, limits);
  }

  /** Takes over what an earlier run left. Call before the first connection. */
  async begin(): Promise<void> {
    await this.shelf.load();
    for (const transfer of this.shelf.waiting()) this.forwarding.add(transfer);
    this.expire();
    this.sweepLater();
  }

  frame(seat: PlayerSeat, frame: FileFrame): void {
    if (frame.type === 'file_send_begin') this.receiving.begin(seat, frame);
    else if (frame.type === 'file_send_complete') this.receiving.complete(seat, frame);
    else this.forwarding.received(seat, frame.transferId);
  }

  /** A binary frame. Nobody may change the bytes any more. */
  bytes(seat: PlayerSeat, bytes: Uint8Array): void {
    this.figures.bytes.received += bytes.length;
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
    return this.figures.views(this.shelf.of(userId), this.ports.seatOf(userId));
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
    this.stopSweeping();
    this.forwarding.stop();
    const stopped = this.receiving.stop();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.ports.clock.after(budgetMs, resolve);
    await Promise.race([stopped, late]);
    cancel();
  }

  /** Ends at once, as a crash would. */
  end(): void {
    this.stopSweeping();
    this.forwarding.stop();
  }

  private sweepLater(): void {
    const { keepMs } = this.limits;
    this.stopSweeping = this.ports.clock.after(Math.min(60_000, keepMs / 60), () => {
      this.sweepLater();
      this.shelf.sweep();
      this.expire();
    });
  }

  private expire(): void {
    const beforeMs = this.ports.clock.wallMs() - this.limits.keepMs;
    for (const transfer of this.shelf.byId.values()) {
      const { id, state, touchedMs, upload } = transfer;
      if (touchedMs > beforeMs || state === 'over' || upload?.isEnding) continue;
      this.ports.report('info', 'file_expired', { id, state });
      if (upload !== undefined) this.receiving.fail(transfer, fileRefusals.tooSlow);
      else if (state === 'waiting') this.forwarding.forget(transfer);
      else void this.shelf.remove(transfer);
    }
  }
}
