import { type Static, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { jsonDepth } from '../json-text.ts';
import type { Refusal } from '../refusal.ts';
import { firstFault, userIdSchema } from '../schemas.ts';

/** Every "no" of the sessions, by name. Those that end a socket carry its close code. */
export const sessionRefusals = {
  badMessage: { code: 400, message: 'Malformed message.', retry: false },
  unknownToken: { code: 401, message: 'Invalid session token', retry: false },
  secretNeeded: { code: 401, message: 'This user has a secret: it is needed.', retry: false },
  secretRequired: {
    code: 401,
    message: 'A secret is required (auth.require_secret).',
    retry: false,
  },
  wrongSecret: { code: 401, message: 'Wrong secret.', retry: false },
  tokenNeeded: {
    code: 401,
    message: 'This user has a session: the token of the oldest is needed to bind a secret.',
    retry: false,
  },
  tooManyGuesses: { code: 429, message: 'Too many wrong secrets, try later.', retry: true },
  tooManySessionsMade: {
    code: 429,
    message: 'Too many new sessions from this address, try later (auth.sessions_per_minute).',
    retry: true,
  },
  busy: { code: 429, message: 'Too much to do, try later.', retry: true },
  failed: { code: 500, message: 'Something went wrong here.', retry: true },
  foreignPage: {
    code: 403,
    message: 'Pages of others may not make sessions (server.allowed_origins).',
    retry: false,
  },
  tooManyRequests: { code: 429, message: 'Too many requests wait for their answer.', retry: true },
  tooManySessions: { code: 429, message: 'Too many sessions (auth.sessions_max).', retry: true },
  tooManyClaims: {
    code: 429,
    message: 'Too many users have a secret (auth.claims_max).',
    retry: true,
  },
  sessionsInUse: {
    code: 429,
    message: 'All sessions of this user are in use (auth.max_sessions_per_user).',
    retry: true,
  },
  storeFailed: { code: 429, message: 'The store cannot write, try later.', retry: true },
  notUpgrading: { code: 426, message: 'This address speaks WebSocket, or POST.', retry: false },
  silent: { code: 408, message: 'nothing valid in time', close: 4408, retry: true },
  floods: { code: 429, message: 'Too many requests.', close: 4429, retry: true },
  goingAway: { code: 503, message: 'going away', close: 1001, retry: true },
} as const satisfies Record<string, Refusal>;

const Token = Type.String({ minLength: 1, maxLength: 256, description: 'a session token' });
const Secret = Type.String({ minLength: 1, maxLength: 256, description: '1 to 256 characters' });

const requestSchema = Type.Union([
  Type.Object({
    type: Type.Literal('auth'),
    userId: userIdSchema,
    secret: Type.Optional(Secret),
    /** Of the oldest live session of this user: needed to bind a secret beside it. */
    token: Type.Optional(Token),
  }),
  Type.Object({ type: Type.Literal('refresh'), token: Token }),
  Type.Object({ type: Type.Literal('validate'), token: Token }),
  Type.Object({ type: Type.Literal('logout'), token: Token }),
]);

/** What somebody asks for, by socket or by POST. */
export type SessionRequest = Static<typeof requestSchema>;

const checks = new Map<unknown, TypeCheck<(typeof requestSchema.anyOf)[number]>>(
  requestSchema.anyOf.map((schema) => [
    schema.properties.type.const,
    TypeCompiler.Compile(schema as (typeof requestSchema.anyOf)[number]),
  ]),
);

/** What a message could not be read for, in words for people. */
export class Fault {
  constructor(readonly detail: string) {}
}

/** Reads a request. Unknown fields are ignored. */
export function readRequest(text: string, jsonDepthMax: number): SessionRequest | Fault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Fault('not JSON');
  }
  if (jsonDepth(text) > jsonDepthMax) return new Fault('deeper than server.json_depth_max');
  const check = checks.get((value as { type?: unknown } | null)?.type);
  if (check === undefined) return new Fault('type: auth, refresh, validate or logout');
  return check.Check(value) ? value : new Fault(firstFault(value, check));
}

/** An `auth` of the user in `?userId=`, as it would stand in a message. */
export function requestOf(userId: string): SessionRequest | Fault {
  return readRequest(JSON.stringify({ type: 'auth', userId }), 1);
}

/** What became of a request. */
export type SessionAnswer =
  | { userId?: string; token?: string; expiresAt?: string }
  | { refusal: Refusal; retryAfterS?: number };

/** How a socket is told: a fault of ours is no answer to what was asked for. */
export function encodeAnswer(type: SessionRequest['type'], answer: SessionAnswer): string {
  return 'refusal' in answer && answer.refusal.code === sessionRefusals.failed.code
    ? encodeError(answer.refusal)
    : JSON.stringify({ type: `${type}_result`, ...answerFields(answer) });
}

/** The fields of an answer, as both a socket and POST give them. */
export function answerFields(answer: SessionAnswer): object {
  return 'refusal' in answer
    ? { success: false, message: answer.refusal.message }
    : { success: true, ...answer };
}

export function encodeError({ code, message }: Refusal, detail?: string): string {
  return JSON.stringify({ type: 'error', code, message, detail });
}
