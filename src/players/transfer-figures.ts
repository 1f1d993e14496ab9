import { type FileRefusal, fileRefusals } from './file-frames.ts';
import type { Transfer } from './transfer-shelf.ts';

/** A file under way from or to a user, as people see it. */
export interface TransferView {
  direction: 'sending' | 'receiving';
  withUserId: string;
  fileName: string;
  fileSize: number;
  /** That came, or that were sent on. */
  bytes: number;
}

/** What became of files since the start. */
export class TransferFigures {
  stored = 0;
  delivered = 0;
  /** Noes to senders, by the code that they were told. */
  readonly failed: Record<string, number> = Object.fromEntries(
    Object.values(fileRefusals).map(({ code }) => [code, 0]),
  );
  /** Of files: that came and were taken, and that were sent on. */
  readonly bytes = { received: 0, sent: 0 };

  refused({ code }: FileRefusal): void {
    this.failed[code] = this.failed[code]! + 1;
  }
}

/** A file that comes from a user. */
export function sendingView(transfer: Transfer): TransferView | undefined {
  const { state, upload, targetId: withUserId, fileName, fileSize } = transfer;
  if (state !== 'incoming' || upload === undefined) return undefined;
  return { direction: 'sending', withUserId, fileName, fileSize, bytes: upload.received };
}

/** A file of which a user was sent so many bytes. */
export function receivingView(transfer: Transfer, bytes: number): TransferView {
  const { senderId: withUserId, fileName, fileSize } = transfer;
  return { direction: 'receiving', withUserId, fileName, fileSize, bytes };
}
