import { fileRefusals } from './file-frames.ts';
import type { PlayerSeat } from './seat.ts';
import type { TransferPorts } from './transfer-ports.ts';
import type { Shelf, Transfer } from './transfer-shelf.ts';

/** A file under way from or to a user, as people see it. */
export interface TransferView {
  direction: 'sending' | 'receiving';
  withUserId: string;
  fileName: string;
  fileSize: number;
  /** That came, or that were sent on. */
  bytes: number;
}

const codes = new Map<string, number>(
  Object.values(fileRefusals).map(({ message, code }) => [message, code]),
);

/** What became of files since the start, and how far those under way are. */
export class TransferFigures {
  stored = 0;
  delivered = 0;
  /** Transfers that failed under way, by the code of the refusal. */
  readonly failed: Record<string, number> = Object.fromEntries(
    [...codes.values()].map((code) => [code, 0]),
  );
  /** Of binary frames that came, and of files that were sent on. */
  readonly bytes = { received: 0, sent: 0 };
  /** How much of what waits for a user its connection was sent. */
  private readonly sent = new WeakMap<PlayerSeat, Map<Transfer, number>>();

  /** The same ports, with an eye on what goes through them. */
  watching(ports: TransferPorts, shelf: () => Shelf): TransferPorts {
    const { files, report, seatOf } = ports;
    return {
      ...ports,
      report: (level, event, fields) => {
        this.note(event, fields);
        report(level, event, fields);
      },
      files: {
        ...files,
        // Nobody reads a file but to send it on.
        read: async (id, offset, into) => {
          await files.read(id, offset, into);
          this.bytes.sent += into.length;
          const transfer = shelf().byId.get(id);
          const seat = transfer && seatOf(transfer.targetId);
          if (seat !== undefined) this.noteSent(seat, transfer!, offset + into.length);
        },
      },
    };
  }

  /** What is under way from and to a user. `own`: the transfers that the user sends. */
  views(own: readonly Transfer[], seat: PlayerSeat | undefined): TransferView[] {
    const views: TransferView[] = [];
    for (const one of own)
      if (one.state === 'incoming' && one.upload !== undefined)
        views.push(viewOf('sending', one, one.upload.received));
    for (const [one, bytes] of (seat && this.sent.get(seat)) ?? [])
      if (one.state === 'waiting') views.push(viewOf('receiving', one, bytes));
    return views;
  }

  private note(event: string, fields: object): void {
    if (event === 'file_stored') this.stored += 1;
    else if (event === 'file_delivered') this.delivered += 1;
    else if (event === 'file_failed') {
      const code = codes.get((fields as { reason: string }).reason)!;
      this.failed[code] = this.failed[code]! + 1;
    }
  }

  private noteSent(seat: PlayerSeat, transfer: Transfer, bytes: number): void {
    const sent = this.sent.getOrInsertComputed(seat, () => new Map());
    if (!sent.has(transfer))
      for (const one of sent.keys()) if (one.state === 'over') sent.delete(one);
    sent.set(transfer, bytes);
  }
}

function viewOf(
  direction: TransferView['direction'],
  { senderId, targetId, fileName, fileSize }: Transfer,
  bytes: number,
): TransferView {
  const withUserId = direction === 'sending' ? targetId : senderId;
  return { direction, withUserId, fileName, fileSize, bytes };
}
