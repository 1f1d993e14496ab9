import { type FileRefusal, fileRefusals } from './file-frames.ts';
import type { TransferLimits, TransferPorts } from './transfer-ports.ts';
import type { Shelf, Transfer } from './transfer-shelf.ts';
import type { Upload } from './transfer-upload.ts';

export interface WritingPorts extends Pick<TransferPorts, 'files' | 'report'> {
  shelf: Shelf;
  /** The sender may send, from `safeBytes` on. */
  ready(transfer: Transfer, upload: Upload): void;
  /** Much was written since the sender was told how much. */
  progressed(transfer: Transfer, upload: Upload): void;
  /** It is whole, synced and recorded. */
  finished(transfer: Transfer, upload: Upload): void;
  /** Must tell the sender, and remove the transfer. */
  failed(transfer: Transfer, refusal: FileRefusal): void;
}

/** Checkpoints' worth of bytes that may be written beyond what is safe. */
const unsafeMax = 4;

/** What is done with the disk for one upload. Each call is made in the transfer's line. */
export class Writing {
  constructor(
    private readonly ports: WritingPorts,
    private readonly limits: TransferLimits,
  ) {}

  /** Looks whether there is room, and makes or opens the file. */
  async open(transfer: Transfer, upload: Upload): Promise<void> {
    const { files, ready, failed } = this.ports;
    const isWanted = () => transfer.upload === upload && transfer.state === 'incoming';
    if (!isWanted()) return;
    try {
      const freeBytes = await files.freeBytes();
      if (!isWanted()) return;
      upload.hasRoom = true;
      if (freeBytes - this.promisedBytes() < this.limits.freeBytesMin)
        return failed(transfer, fileRefusals.diskFull);
      if (transfer.file === undefined) {
        transfer.file = await files.write(transfer.id, transfer.safeBytes);
        transfer.diskBytes = transfer.safeBytes;
      }
    } catch (error) {
      return this.diskFailed(transfer, error);
    }
    if (!isWanted()) return;
    upload.received = upload.written = upload.told = transfer.safeBytes;
    upload.isReady = true;
    ready(transfer, upload);
  }

  /** Writes all that came, also what comes meanwhile. */
  async write(transfer: Transfer, upload: Upload): Promise<void> {
    const { pending } = upload;
    const { progressBytes, checkpointBytes } = this.limits.sizes;
    try {
      while (pending.bytes > 0 && transfer.state === 'incoming') {
        const { bytes } = pending;
        const parts = pending.take();
        transfer.diskBytes += bytes;
        await transfer.file!.append(parts).finally(() => pending.done(parts));
        upload.written += bytes;
        if (upload.protocol === 1 || transfer.state !== 'incoming') continue;
        if (upload.written - upload.told >= progressBytes) this.ports.progressed(transfer, upload);
        const unsafeBytes = upload.written - transfer.safeBytes;
        if (unsafeBytes >= checkpointBytes) this.beginCheckpoint(transfer, upload);
        if (unsafeBytes >= checkpointBytes * unsafeMax) await transfer.checkpoint;
      }
    } catch (error) {
      this.diskFailed(transfer, error);
    }
    if (transfer.state !== 'incoming') pending.clear();
    upload.isWriting = false;
  }

  /** All has come and is written. */
  async finish(transfer: Transfer, upload: Upload): Promise<void> {
    const { shelf, finished, failed } = this.ports;
    const { file } = transfer;
    if (transfer.state !== 'incoming' || file === undefined) return;
    try {
      await transfer.checkpoint;
      if (transfer.state !== 'incoming') return;
      const sha256 = file.sha256();
      if ((transfer.sha256 ?? sha256) !== sha256) return failed(transfer, fileRefusals.wrongHash);
      await file.sync();
      await shelf.settle(transfer, sha256);
    } catch (error) {
      return this.diskFailed(transfer, error);
    }
    transfer.upload = undefined;
    transfer.file = undefined;
    finished(transfer, upload);
  }

  /** The connection ended, and what came is written: from now on it can be resumed. */
  async park(transfer: Transfer, upload: Upload): Promise<void> {
    await transfer.checkpoint;
    if (transfer.state !== 'incoming') return;
    try {
      if (upload.isReady) await this.checkpoint(transfer, upload);
    } catch (error) {
      return this.diskFailed(transfer, error);
    }
    // Its sender may be back already.
    if (transfer.upload !== upload) return;
    transfer.upload = undefined;
    this.ports.shelf.hold(transfer, transfer.diskBytes);
    if (transfer.safeBytes === 0) void this.ports.shelf.remove(transfer);
  }

  /** Goes on beside the writing, unless one is under way. */
  private beginCheckpoint(transfer: Transfer, upload: Upload): void {
    transfer.checkpoint ??= this.checkpoint(transfer, upload)
      .catch((error) => this.diskFailed(transfer, error))
      .finally(() => (transfer.checkpoint = undefined));
  }

  /** What is written may be resumed from now on. A record that lags costs bytes that come twice. */
  private async checkpoint(transfer: Transfer, { written }: Upload): Promise<void> {
    if (written === transfer.safeBytes) return;
    const { shelf, report } = this.ports;
    await transfer.file!.sync();
    if (transfer.state !== 'incoming') return;
    await shelf.note(transfer, written).catch((error) => {
      report('warn', 'file_not_noted', { id: transfer.id, error: String(error) });
    });
  }

  /** What the uploads that were given room may still bring, as their senders said. */
  private promisedBytes(): number {
    let bytes = 0;
    for (const { fileSize, safeBytes, upload } of this.ports.shelf.byId.values())
      if (upload?.hasRoom) bytes += fileSize - Math.max(safeBytes, upload.written);
    return bytes;
  }

  private diskFailed(transfer: Transfer, error: unknown): void {
    const { report, failed } = this.ports;
    report('error', 'file_not_stored', { id: transfer.id, error: String(error) });
    failed(transfer, fileRefusals.notStored);
  }
}
