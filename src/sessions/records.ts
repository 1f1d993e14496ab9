import { type Static, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { userIdSchema } from '../schemas.ts';

/** The furthest that a date of JavaScript goes. */
const wallMs = Type.Integer({ minimum: 0, maximum: 8.64e15 });

const sessionSchema = Type.Object({
  userId: userIdSchema,
  createdMs: wallMs,
  expiresMs: wallMs,
  /** Earlier versions said neither. */
  seenMs: Type.Optional(wallMs),
  address: Type.Optional(Type.String()),
});

/** argon2id as the PHC writes it; with less memory and fewer passes than would hold a core up. */
const hashSchema = Type.RegExp(
  /^\$argon2id\$v=\d{1,3}\$m=\d{1,6},t=\d{1,2},p=\d{1,2}\$[\w+/-]{1,128}\$[\w+/-]{1,128}$/,
);

/** What a record says of a session, beside its digest, which is the key. */
export type StoredSession = Static<typeof sessionSchema>;

const session = TypeCompiler.Compile(sessionSchema);
const hash = TypeCompiler.Compile(hashSchema);
const userId = TypeCompiler.Compile(userIdSchema);

/** Undefined: that is no record of a session. */
export function readSession(text: string): StoredSession | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return session.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether that is a secret's hash. */
export function isHash(text: string): boolean {
  return hash.Check(text);
}

/** Whether anybody can have this name. */
export function isUserId(text: string): boolean {
  return userId.Check(text);
}
