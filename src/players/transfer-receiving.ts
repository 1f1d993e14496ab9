import {
  encodeFailed,
  encodeProgress,
  encodeReady,
  encodeSent,
  type FileBegin,
  type FileComplete,
  type FileRefusal,
  fileRefusals,
} from './file-frames.ts';
import type { PlayerSeat } from './seat.ts';
import { inTheWay, refusalOf } from './transfer-admission.ts';
import type { TransferFigures } from './transfer-figures.ts';
import type { Memory } from './transfer-pending.ts';
import type { TransferLimits, TransferPorts } from './transfer-ports.ts';
import type { Shelf, Transfer } from './transfer-shelf.ts';
import { keyOf, newUpload, type Upload } from './transfer-upload.ts';
import { Writing } from './transfer-writing.ts';

export interface ReceivingPorts extends TransferPorts {
  shelf: Shelf;
  figures: TransferFigures;
  /** It waits for its target, and its sender was told. */
  stored(transfer: Transfer): void;
}

/** What one connection sends. */
interface Sending {
  /** By `keyOf`; of each, `upload.seat` is this connection. */
  uploads: Map<string, Transfer>;
  /** Keys that were refused a moment ago: what still comes is passed over without a word. */
  refused: Set<string>;
}

const idBytes = 16;
const refusedMax = 64;
const mib = 1024 ** 2;

/** Takes files from their senders, or refuses them. */
export class Receiving {
  private readonly seats = new Map<PlayerSeat, Sending>();
  private readonly memory: Memory = { bytes: 0 };
  private readonly writing: Writing;
  private isStopping = false;

  constructor(
    private readonly ports: ReceivingPorts,
    private readonly limits: TransferLimits,
  ) {
    this.writing = new Writing(
      {
        ...ports,
        ready: ({ transferId, safeBytes }, upload) => {
          upload.movedMs = ports.clock.now();
          send(upload.seat, encodeReady(upload.protocol, transferId, safeBytes));
        },
        progressed: ({ transferId }, upload) => {
          upload.told = upload.written;
          send(upload.seat, encodeProgress(transferId, upload.told));
        },
        finished: (transfer, upload) => this.finished(transfer, upload),
        failed: (transfer, refusal) => this.fail(transfer, refusal),
      },
      limits,
    );
  }

  begin(seat: PlayerSeat, begin: FileBegin, id = this.ports.newId()): void {
    const { shelf, clock } = this.ports;
    const { userId, protocol } = seat;
    const { uploads, refused } = this.of(seat);
    const transferId = (protocol === 2 ? begin.transferId : undefined) ?? id;
    const key = keyOf(protocol, transferId);
    const known = shelf.find(userId, transferId);
    // It came whole on a connection that ended: what became of it is known in a moment.
    if (known?.upload?.isEnding && known.upload.seat === undefined && !this.isStopping)
      return void shelf.inLine(known, async () => {
        if (seat.state === 'open') this.begin(seat, begin, id);
      });
    const refusal = this.isStopping
      ? fileRefusals.stopping
      : protocol === 1 && uploads.size > 0
        ? fileRefusals.oneAtATime
        : refusalOf(userId, protocol, begin, known, shelf, this.limits);
    if (refusal !== undefined) return this.refuse(seat, refusal, key, begin.transferId);
    // Its sender did not hear that it is there: all that is left to send is that it is complete.
    if (known?.state === 'waiting')
      return send(seat, encodeReady(protocol, transferId, known.fileSize));
    if (known === undefined)
      for (const one of inTheWay(shelf.of(userId), this.limits.perUserMax)) this.discard(one);
    const transfer = known ?? shelf.add(id, userId, transferId, begin);
    transfer.sha256 ??= begin.sha256?.toLowerCase();
    const upload = newUpload(seat, key, this.memory, clock.now());
    transfer.upload = upload;
    transfer.touchedMs = clock.wallMs();
    shelf.hold(transfer, transfer.fileSize);
    uploads.set(key, transfer);
    refused.delete(key);
    void shelf.inLine(transfer, () => this.writing.open(transfer, upload));
  }

  /** A binary frame. */
  bytes(seat: PlayerSeat, bytes: Uint8Array): void {
    if (this.isStopping) return;
    const isLegacy = seat.protocol === 1;
    if (!isLegacy && bytes.length > this.limits.sizes.frameBytesMax + idBytes)
      return seat.peer.close(fileRefusals.bigFrame.close, fileRefusals.bigFrame.message);
    if (!isLegacy && bytes.length < idBytes) return this.refuse(seat, fileRefusals.badFrame);
    const key = isLegacy ? '' : hexOf(bytes.subarray(0, idBytes));
    const transfer = this.of(seat).uploads.get(key);
    if (transfer === undefined) return this.refuse(seat, fileRefusals.noTransfer, key, key);
    const upload = transfer.upload!;
    if (upload.isEnding) return;
    const piece = isLegacy ? bytes : bytes.subarray(idBytes);
    const refusal = this.refusalOfBytes(transfer, upload, piece.length);
    if (refusal !== undefined) return this.fail(transfer, refusal);
    upload.received += piece.length;
    upload.pending.push(piece);
    this.ports.figures.bytes.received += piece.length;
    transfer.touchedMs = this.ports.clock.wallMs();
    upload.movedMs = this.ports.clock.now();
    if (upload.isWriting) return;
    upload.isWriting = true;
    void this.ports.shelf.inLine(transfer, () => this.writing.write(transfer, upload));
  }

  complete(seat: PlayerSeat, { transferId, fileSize, sha256 }: FileComplete): void {
    if (this.isStopping) return;
    const { shelf } = this.ports;
    const key = keyOf(seat.protocol, transferId ?? '');
    const transfer = this.of(seat).uploads.get(key);
    if (transfer === undefined) {
      const known = shelf.find(seat.userId, key);
      if (known?.state === 'waiting') return this.tellSent(seat, known);
      return this.refuse(seat, fileRefusals.noTransfer, key, transferId);
    }
    const upload = transfer.upload!;
    if (upload.isEnding) return;
    if (!upload.isReady) return this.fail(transfer, fileRefusals.notReady);
    if (upload.received < transfer.fileSize || (fileSize ?? upload.received) > upload.received)
      return this.fail(transfer, fileRefusals.tooFewBytes);
    if (fileSize !== undefined && fileSize < upload.received)
      return this.fail(transfer, fileRefusals.tooManyBytes);
    const said = sha256?.toLowerCase();
    if ((transfer.sha256 ?? said) !== (said ?? transfer.sha256))
      return this.fail(transfer, fileRefusals.wrongHash);
    transfer.sha256 ??= said;
    upload.isEnding = true;
    void shelf.inLine(transfer, () => this.writing.finish(transfer, upload));
  }

  /** The connection ended: what is under way can be resumed, what has come whole is finished. */
  left(seat: PlayerSeat): void {
    const uploads = this.seats.get(seat)?.uploads.values() ?? [];
    this.seats.delete(seat);
    for (const transfer of uploads) {
      const upload = transfer.upload!;
      upload.seat = undefined;
      if (!upload.isEnding) this.breakOff(transfer, upload);
    }
  }

  /** Takes nothing more. Resolves when all that came is on disk, and finished or resumable. */
  async stop(): Promise<void> {
    this.isStopping = true;
    for (const { uploads } of this.seats.values())
      for (const [key, transfer] of uploads) {
        if (transfer.upload!.isEnding) continue;
        uploads.delete(key);
        this.breakOff(transfer, transfer.upload!);
      }
    await Promise.all([...this.ports.shelf.byId.values()].map(({ line }) => line));
  }

  /** Says no to transfers of which nothing comes, so that others have their place; they can be resumed. */
  endStalled(): void {
    const nowMs = this.ports.clock.now();
    const { stallMs } = this.limits;
    for (const { uploads } of this.seats.values())
      for (const transfer of uploads.values()) {
        const upload = transfer.upload!;
        const { isReady, isEnding, isWriting, protocol } = upload;
        // What waits for us is none of the sender's fault.
        if (!isReady || isEnding || isWriting) upload.movedMs = nowMs;
        // Of protocol 1 all comes at once, when it is whole.
        const megabytes = protocol === 1 ? Math.max(1, transfer.fileSize / mib) : 1;
        if (nowMs - upload.movedMs < stallMs * megabytes) continue;
        this.tellFailed(transfer, upload, fileRefusals.tooSlow);
        this.breakOff(transfer, upload);
      }
  }

  /** Says no to a transfer under way, and forgets it. */
  private fail(transfer: Transfer, refusal: FileRefusal): void {
    if (transfer.upload === undefined || transfer.state !== 'incoming') return;
    this.tellFailed(transfer, transfer.upload, refusal);
    this.discard(transfer);
  }

  private tellFailed(transfer: Transfer, upload: Upload, refusal: FileRefusal): void {
    const { id, fileSize, transferId } = transfer;
    const { seat, key } = upload;
    this.ports.report('info', 'file_failed', { id, bytes: fileSize, reason: refusal.message });
    if (seat === undefined) return this.ports.figures.refused(refusal);
    this.of(seat).uploads.delete(key);
    this.refuse(seat, refusal, key, transferId);
  }

  private of(seat: PlayerSeat): Sending {
    return this.seats.getOrInsertComputed(seat, () => ({ uploads: new Map(), refused: new Set() }));
  }

  private refusalOfBytes(
    { fileSize }: Transfer,
    { isReady, protocol, received, told }: Upload,
    bytes: number,
  ): FileRefusal | undefined {
    const { memoryBytesMax, sizes } = this.limits;
    if (!isReady) return fileRefusals.notReady;
    if (received + bytes > fileSize) return fileRefusals.tooManyBytes;
    if (protocol === 2 && received + bytes - told > sizes.creditBytes) return fileRefusals.tooFast;
    return this.memory.bytes + bytes > memoryBytesMax ? fileRefusals.busy : undefined;
  }

  /** Says no; of what comes with the same key and was never begun, once for all. */
  private refuse(seat: PlayerSeat, refusal: FileRefusal, key?: string, transferId?: string): void {
    const { refused } = this.of(seat);
    if (refusal === fileRefusals.noTransfer && refused.has(key!)) return;
    if (key !== undefined) refused.add(key);
    if (refused.size > refusedMax) refused.delete(refused.values().next().value!);
    const text = encodeFailed(seat.protocol, transferId, refusal);
    seat.burst += text.length;
    this.ports.figures.refused(refusal);
    send(seat, text);
  }

  private finished(transfer: Transfer, { seat, key }: Upload): void {
    const { id, fileSize } = transfer;
    this.ports.report('info', 'file_stored', { id, bytes: fileSize });
    this.ports.figures.stored += 1;
    if (seat !== undefined) {
      this.of(seat).uploads.delete(key);
      this.tellSent(seat, transfer);
    }
    this.ports.stored(transfer);
  }

  private breakOff(transfer: Transfer, upload: Upload): void {
    upload.seat = undefined;
    if (upload.protocol === 1) this.discard(transfer);
    else void this.ports.shelf.inLine(transfer, () => this.writing.park(transfer, upload));
  }

  private discard(transfer: Transfer): void {
    transfer.upload = undefined;
    void this.ports.shelf.remove(transfer);
  }

  private tellSent(seat: PlayerSeat, { transferId, targetId, sha256 }: Transfer): void {
    const isOnline = this.ports.seatOf(targetId) !== undefined;
    send(seat, encodeSent(seat.protocol, transferId, isOnline, sha256!));
  }
}

function send(seat: PlayerSeat | undefined, text: string): void {
  if (seat?.state === 'open') seat.peer.send(text);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
