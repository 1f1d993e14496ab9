import { type Static, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import type { Refusal } from '../refusal.ts';
import { firstFault, userIdSchema } from '../schemas.ts';
import { Fault } from './messages.ts';

/** Every "no" to files, by name. Protocol 1 is told `FILE_FAILED: <message>`. */
export const fileRefusals = {
  tooLarge: { code: 413, message: 'Larger than players.files.max_file_mb.', retry: false },
  tooLargeForLegacy: {
    code: 413,
    message: 'Larger than players.files.legacy_mb: that needs protocol 2.',
    retry: false,
  },
  oneAtATime: { code: 409, message: 'Another file is under way.', retry: true },
  underWay: { code: 409, message: 'This transferId is under way.', retry: false },
  otherFile: { code: 409, message: 'This transferId is that of another file.', retry: false },
  tooManyTransfers: {
    code: 429,
    message: 'Too many transfers at a time (players.files.transfers_per_user).',
    retry: true,
  },
  tooManyFiles: {
    code: 429,
    message: 'Too many files wait (players.files.files_max).',
    retry: true,
  },
  tooManyFilesOfUser: {
    code: 429,
    message: 'Too many of your files wait (players.files.files_per_user).',
    retry: true,
  },
  userQuota: {
    code: 507,
    message: 'Your files take too much disk (players.files.user_quota_mb).',
    retry: true,
  },
  totalQuota: {
    code: 507,
    message: 'All files take too much disk (players.files.total_quota_mb).',
    retry: true,
  },
  diskFull: { code: 507, message: 'Not enough free disk.', retry: true },
  notStored: { code: 503, message: 'The file could not be stored.', retry: true },
  busy: {
    code: 503,
    message: 'Too much waits for the disk (players.files.memory_bytes).',
    retry: true,
  },
  stopping: { code: 503, message: 'The server is stopping.', retry: true },
  notReady: { code: 409, message: 'Nothing may come before file_receive_ready.', retry: false },
  noTransfer: { code: 404, message: 'No such transfer.', retry: false },
  badFrame: { code: 400, message: 'A frame shorter than a transfer id.', retry: false },
  tooManyBytes: { code: 400, message: 'More bytes than fileSize.', retry: false },
  tooFewBytes: { code: 400, message: 'Fewer bytes than fileSize.', retry: false },
  wrongHash: { code: 400, message: 'The SHA-256 is another.', retry: false },
  tooFast: { code: 429, message: 'More than 4 MiB beyond the last file_progress.', retry: false },
  tooSlow: { code: 408, message: 'Nothing came (players.files.stall_timeout).', retry: true },
  unreadable: { code: 500, message: 'The file could not be read.', retry: true },
  bigFrame: { code: 413, message: 'message too large', close: 1009, retry: false },
} as const satisfies Record<string, Refusal>;

export type FileRefusal = (typeof fileRefusals)[keyof typeof fileRefusals];

const TransferId = Type.RegExp(/^[0-9a-f]{32}$/i, { description: '32 hex characters' });
const Sha256 = Type.RegExp(/^[0-9a-f]{64}$/i, { description: '64 hex characters' });
const FileSize = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'a whole number of bytes',
});

const schemas = {
  file_send_begin: Type.Object({
    type: Type.Literal('file_send_begin'),
    targetUserId: userIdSchema,
    fileName: Type.String({ minLength: 1, maxLength: 1024, description: '1 to 1024 characters' }),
    fileSize: FileSize,
    sha256: Type.Optional(Sha256),
    transferId: Type.Optional(TransferId),
  }),
  file_send_complete: Type.Object({
    type: Type.Literal('file_send_complete'),
    transferId: Type.Optional(TransferId),
    /** Also here, for a sender that knows them only now. */
    fileSize: Type.Optional(FileSize),
    sha256: Type.Optional(Sha256),
  }),
  file_received: Type.Object({ type: Type.Literal('file_received'), transferId: TransferId }),
};

export type FileBegin = Static<typeof schemas.file_send_begin>;
export type FileComplete = Static<typeof schemas.file_send_complete>;
/** A text frame about files, read. */
export type FileFrame = FileBegin | FileComplete | Static<typeof schemas.file_received>;

const checks = new Map<unknown, TypeCheck<(typeof schemas)[keyof typeof schemas]>>(
  Object.entries(schemas).map(([type, schema]) => [type, TypeCompiler.Compile(schema)]),
);

/** The types of the frames that `readFileFrame` reads. */
export const fileFrameTypes: readonly string[] = Object.keys(schemas);

/** Reads a frame that is parsed already. Unknown fields are ignored. */
export function readFileFrame(value: unknown): FileFrame | Fault {
  const check = checks.get((value as { type?: unknown } | null)?.type);
  if (check === undefined) return new Fault(`type: ${fileFrameTypes.join(', ')}`);
  return check.Check(value) ? value : new Fault(firstFault(value, check));
}

/** Today's plugin knows these texts; everything else is JSON. */
const legacyReady = 'file_receive_ready';
const legacySent = { true: 'FILE_SENT', false: 'FILE_SENT_SERVER_ONLY' } as const;

type Protocol = 1 | 2;

export function encodeReady(protocol: Protocol, transferId: string, offset: number): string {
  if (protocol === 1) return legacyReady;
  return JSON.stringify({ type: 'file_receive_ready', transferId, offset });
}

export function encodeProgress(transferId: string, received: number): string {
  return JSON.stringify({ type: 'file_progress', transferId, received });
}

export function encodeSent(
  protocol: Protocol,
  transferId: string,
  delivered: boolean,
  sha256: string,
): string {
  if (protocol === 1) return legacySent[`${delivered}`];
  return JSON.stringify({ type: 'file_sent', transferId, delivered, sha256 });
}

/** `transferId` is undefined when nobody can tell which one is meant. */
export function encodeFailed(
  protocol: Protocol,
  transferId: string | undefined,
  { code, message }: Refusal,
): string {
  if (protocol === 1) return `FILE_FAILED: ${message}`;
  return JSON.stringify({ type: 'file_failed', transferId, code, message });
}

/** A file as its target is told of it. */
interface Forwarded {
  /** Unlike the sender's transferId, one that no two senders share. */
  id: string;
  senderId: string;
  fileName: string;
  fileSize: number;
  sha256: string | undefined;
}

export function encodeForwardBegin(file: Forwarded): string {
  return JSON.stringify({
    type: 'file_send_begin',
    fromUserId: file.senderId,
    fileName: file.fileName,
    fileSize: file.fileSize,
    sha256: file.sha256,
    transferId: file.id,
  });
}

export function encodeForwardEnd({ id, senderId, fileName }: Forwarded): string {
  return JSON.stringify({
    type: 'file_send_complete',
    transferId: id,
    fileName,
    fromUserId: senderId,
  });
}
