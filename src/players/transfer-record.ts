import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { firstFault, userIdSchema } from '../schemas.ts';

const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** What the store has of a transfer, beside the id, which is its key. */
const Stored = Type.Object({
  transferId: Type.RegExp(/^[0-9a-f]{32}$/i),
  senderId: userIdSchema,
  targetId: userIdSchema,
  fileName: Type.String({ minLength: 1, maxLength: 1024 }),
  fileSize: Whole,
  /** What the sender says, in lower case; of a file that waits, what it is. */
  sha256: Type.Optional(Type.RegExp(/^[0-9a-f]{64}$/)),
  state: Type.Union([Type.Literal('incoming'), Type.Literal('waiting')]),
  /** From the start of the file, these bytes are synced. */
  safeBytes: Whole,
  /** Its place among those that wait. */
  number: Whole,
  /** When something came last, by the wall clock, for that outlives the process. */
  touchedMs: Type.Number(),
});
export type StoredTransfer = Static<typeof Stored>;

const check = TypeCompiler.Compile(Stored);
const fields = Object.keys(Stored.properties);
const idPattern = /^[0-9a-f]{32}$/;

export function encodeRecord(transfer: StoredTransfer): string {
  return JSON.stringify(transfer, fields);
}

/** Throws, with the reason, when it is nothing that we write. */
export function readRecord(id: string, text: string): StoredTransfer {
  if (!idPattern.test(id)) throw new TypeError('the key is no id');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError('not JSON');
  }
  if (!check.Check(value)) throw new TypeError(firstFault(value, check));
  const { state, safeBytes, fileSize, sha256 } = value;
  if (safeBytes > fileSize) throw new TypeError('safeBytes: more than fileSize');
  if (state === 'waiting' && (safeBytes < fileSize || sha256 === undefined))
    throw new TypeError('state: it is not whole');
  return value;
}
