import { type FileBegin, type FileRefusal, fileRefusals } from './file-frames.ts';
import type { TransferLimits } from './transfer-ports.ts';
import type { Shelf, Transfer } from './transfer-shelf.ts';

/** Why a transfer may not begin; `known` is what the sender's transferId already means. */
export function refusalOf(
  senderId: string,
  protocol: 1 | 2,
  begin: FileBegin,
  known: Transfer | undefined,
  shelf: Shelf,
  limits: TransferLimits,
): FileRefusal | undefined {
  const { fileSize } = begin;
  if (protocol === 1 && (limits.legacyBytesMax === 0 || fileSize > limits.legacyBytesMax))
    return fileRefusals.tooLargeForLegacy;
  if (fileSize > limits.fileBytesMax) return fileRefusals.tooLarge;
  if (known !== undefined) {
    if (known.upload?.seat !== undefined || known.upload?.isEnding) return fileRefusals.underWay;
    if (!isSameFile(known, begin)) return fileRefusals.otherFile;
    if (known.state === 'waiting') return undefined;
  }
  const own = shelf.of(senderId);
  if (own.filter(isUnderWay).length >= limits.perUserMax) return fileRefusals.tooManyTransfers;
  if (known === undefined && own.length >= limits.userFilesMax)
    return fileRefusals.tooManyFilesOfUser;
  if (known === undefined && shelf.byId.size >= limits.filesMax) return fileRefusals.tooManyFiles;
  const moreBytes = fileSize - (known?.heldBytes ?? 0);
  const ownBytes = own.reduce((sum, one) => sum + one.heldBytes, 0);
  if (ownBytes + moreBytes > limits.userBytesMax) return fileRefusals.userQuota;
  if (shelf.bytes + moreBytes > limits.totalBytesMax) return fileRefusals.totalQuota;
  return undefined;
}

/** Broken transfers, oldest first, that have to go so that another one may begin. */
export function inTheWay(own: readonly Transfer[], perUserMax: number): Transfer[] {
  const unfinished = own.filter(({ state }) => state === 'incoming');
  const tooMany = Math.max(0, unfinished.length + 1 - perUserMax);
  return unfinished.filter((one) => !isUnderWay(one)).slice(0, tooMany);
}

function isUnderWay({ state, upload }: Transfer): boolean {
  return state === 'incoming' && (upload?.seat !== undefined || upload?.isEnding === true);
}

function isSameFile(known: Transfer, begin: FileBegin): boolean {
  const sha256 = begin.sha256?.toLowerCase() ?? known.sha256;
  return (
    known.targetId === begin.targetUserId &&
    known.fileSize === begin.fileSize &&
    (known.sha256 ?? sha256) === sha256
  );
}
