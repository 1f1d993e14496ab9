import type { FileBegin } from './file-frames.ts';
import { cleanFileName } from './file-names.ts';
import type { TransferPorts, WritableFile } from './transfer-ports.ts';
import { encodeRecord, readRecord, type StoredTransfer } from './transfer-record.ts';
import type { Upload } from './transfer-upload.ts';

/** A file on its way from one user to another. */
export interface Transfer {
  /** Ours: its name on disk, the key of its record, and what its target knows it by. */
  readonly id: string;
  /** As the sender writes it, for whom alone it means something. */
  readonly transferId: string;
  readonly senderId: string;
  readonly targetId: string;
  readonly fileName: string;
  readonly fileSize: number;
  /** What the sender says, in lower case; of a file that waits, what it is. */
  sha256: string | undefined;
  /** `over`: on its way out, and not to be used. */
  state: 'incoming' | 'waiting' | 'over';
  /** From the start of the file, these bytes are synced. */
  safeBytes: number;
  /** Its place among those that wait. */
  number: number;
  /** When something came last, by the wall clock, for that outlives the process. */
  touchedMs: number;
  /** Its file has no more than these. */
  diskBytes: number;
  /** Disk that it counts with: all that its sender may still bring, or what it has. */
  heldBytes: number;
  /** Its connection, as long as it has one; without, it can be resumed. */
  upload: Upload | undefined;
  /** Open for writing; not yet, when an earlier run left it. */
  file: WritableFile | undefined;
  /** It may be in the store. */
  isRecorded: boolean;
  /** What is done to it is done one after the other, */
  line: Promise<void>;
  /** but for this, which goes on beside the writing; whoever is next in the line waits for it. */
  checkpoint: Promise<void> | undefined;
}

const set = 'transfers';

/**
 * All transfers, the records of those that must outlive the process, and their files. A file is
 * synced before its record says so, and removed after its record is gone: whatever a crash leaves
 * in between is a file with too much in it, or one without a record.
 */
export class Shelf {
  readonly byId = new Map<string, Transfer>();
  private readonly bySender = new Map<string, Set<Transfer>>();
  /** Disk that is taken, or promised to those that come: the `heldBytes` of all. */
  bytes = 0;
  private lastNumber = 0;
  /** Tries again what could not be removed. */
  private again: (() => void)[] = [];

  constructor(
    private readonly ports: Pick<TransferPorts, 'clock' | 'files' | 'records' | 'report'>,
  ) {}

  /** Takes over what an earlier run left, and removes what a crash left half done. */
  async load(): Promise<void> {
    const { files, records, report } = this.ports;
    const onDisk = new Map((await files.list()).map(({ id, bytes }) => [id, bytes]));
    for (const { key: id, text } of await records.all(set)) {
      const bytes = onDisk.get(id) ?? -1;
      onDisk.delete(id);
      let stored: StoredTransfer;
      try {
        stored = readRecord(id, text);
      } catch (error) {
        // Its file stays, too: somebody may know better.
        report('error', 'record_unreadable', { set, key: id, error: String(error) });
        continue;
      }
      const sizes = { diskBytes: bytes, heldBytes: Math.max(0, bytes) };
      const transfer = { id, sha256: undefined, ...stored, ...sizes, ...fresh(), isRecorded: true };
      this.keep(transfer);
      if (bytes >= stored.safeBytes) continue;
      report('error', 'file_lost', { id, state: stored.state, bytes: stored.safeBytes });
      await this.remove(transfer);
    }
    for (const id of onDisk.keys()) await this.removeFile(id);
    if (onDisk.size > 0) report('info', 'files_swept', { count: onDisk.size });
  }

  /** A new one; its file is still to be made. */
  add(id: string, senderId: string, transferId: string, begin: FileBegin): Transfer {
    const transfer: Transfer = {
      id,
      transferId,
      senderId,
      targetId: begin.targetUserId,
      fileName: cleanFileName(begin.fileName),
      fileSize: begin.fileSize,
      sha256: begin.sha256?.toLowerCase(),
      state: 'incoming',
      safeBytes: 0,
      number: 0,
      touchedMs: this.ports.clock.wallMs(),
      diskBytes: 0,
      heldBytes: begin.fileSize,
      ...fresh(),
    };
    this.keep(transfer);
    return transfer;
  }

  /** A sender's, whichever way it writes the id. */
  find(senderId: string, transferId: string): Transfer | undefined {
    const wanted = transferId.toLowerCase();
    return this.of(senderId).find(
      (one) => one.state !== 'over' && one.transferId.toLowerCase() === wanted,
    );
  }

  /** A sender's, oldest first, with those whose file is not removed yet. */
  of(senderId: string): Transfer[] {
    return [...(this.bySender.get(senderId) ?? [])];
  }

  /** Those that wait, first come first. */
  waiting(): Transfer[] {
    const waiting = [...this.byId.values()].filter(({ state }) => state === 'waiting');
    return waiting.sort((a, b) => a.number - b.number);
  }

  /** What is done to a transfer waits for what was begun before. Never rejects. */
  inLine(transfer: Transfer, act: () => Promise<void>): Promise<void> {
    transfer.line = transfer.line.then(act).catch((error) => {
      this.ports.report('error', 'transfer_broke', { id: transfer.id, error: String(error) });
    });
    return transfer.line;
  }

  /** It counts with so much disk from now on. */
  hold(transfer: Transfer, bytes: number): void {
    this.bytes += bytes - transfer.heldBytes;
    transfer.heldBytes = bytes;
  }

  /** Its first `safeBytes` are synced: a restart may go on there. Rejects when the store does. */
  async note(transfer: Transfer, safeBytes: number): Promise<void> {
    transfer.safeBytes = safeBytes;
    await this.put(transfer, {});
  }

  /** It is whole and synced: it waits for its target. Rejects, with nothing changed, when the store does. */
  async settle(transfer: Transfer, sha256: string): Promise<void> {
    this.lastNumber += 1;
    const { fileSize: safeBytes } = transfer;
    await this.put(transfer, { state: 'waiting', sha256, safeBytes, number: this.lastNumber });
  }

  /** It is over: its record goes, then its file. What fails is tried again by `sweep`. */
  remove(transfer: Transfer): Promise<void> {
    transfer.state = 'over';
    return this.inLine(transfer, () => this.erase(transfer));
  }

  /** Tries again what could not be removed. */
  sweep(): void {
    for (const tryAgain of this.again.splice(0)) tryAgain();
  }

  /** Of a file without a record. */
  private async removeFile(id: string): Promise<void> {
    await this.ports.files.remove(id).catch((error) => {
      this.notRemoved(id, error, () => void this.removeFile(id));
    });
  }

  private async erase(transfer: Transfer): Promise<void> {
    const { id, senderId } = transfer;
    const { files, records } = this.ports;
    await transfer.checkpoint;
    try {
      if (transfer.isRecorded) await records.drop(set, [id]);
      transfer.isRecorded = false;
      await files.remove(id);
    } catch (error) {
      return this.notRemoved(id, error, () => void this.remove(transfer));
    }
    transfer.file = undefined;
    this.byId.delete(id);
    this.hold(transfer, 0);
    const others = this.bySender.get(senderId)!;
    others.delete(transfer);
    if (others.size === 0) this.bySender.delete(senderId);
  }

  private notRemoved(id: string, error: unknown, tryAgain: () => void): void {
    this.ports.report('warn', 'file_not_removed', { id, error: String(error) });
    this.again.push(tryAgain);
  }

  private keep(transfer: Transfer): void {
    const { id, senderId, heldBytes, number } = transfer;
    this.byId.set(id, transfer);
    this.bySender.getOrInsertComputed(senderId, () => new Set()).add(transfer);
    this.bytes += heldBytes;
    this.lastNumber = Math.max(this.lastNumber, number);
  }

  private async put(transfer: Transfer, changes: Partial<StoredTransfer>): Promise<void> {
    const changed = { ...changes, touchedMs: this.ports.clock.wallMs() };
    transfer.isRecorded = true;
    const text = encodeRecord({ ...transfer, ...changed } as StoredTransfer);
    await this.ports.records.put(set, [{ key: transfer.id, text }]);
    Object.assign(transfer, changed);
  }
}

function fresh() {
  return {
    upload: undefined,
    file: undefined,
    isRecorded: false,
    line: Promise.resolve(),
    checkpoint: undefined,
  };
}
