import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import type { Refusal } from '../refusal.ts';
import { firstFault, idSchema, nameSchema } from '../schemas.ts';

/** Every "no" of the relay, by name. Those that end the connection carry its close code. */
export const relayRefusals = {
  badKey: { code: 401, message: 'Invalid or missing API key.', retry: false },
  notUpgrading: { code: 426, message: 'This address speaks WebSocket.', retry: false },
  malformedHandshake: { code: 400, message: 'Malformed handshake.', close: 4400, retry: false },
  handshakeTimeout: { code: 408, message: 'No handshake in time.', close: 4408, retry: true },
  handshakeForbidden: { code: 403, message: 'Forbidden.', close: 4403, retry: false },
  botConnected: { code: 409, message: 'Bot already connected.', close: 4409, retry: true },
  replaced: { code: 410, message: 'replaced', close: 4410, retry: false },
  malformedMessage: { code: 400, message: 'Malformed message.', retry: false },
  forbidden: { code: 403, message: 'Forbidden.', retry: false },
  tooManyMessages: { code: 429, message: 'Too many messages.', retry: true },
  floods: { code: 429, message: 'Too many messages.', close: 4429, retry: true },
  tooSlow: { code: 508, message: 'too slow', close: 4508, retry: true },
  goingAway: { code: 503, message: 'going away', close: 1001, retry: true },
} as const satisfies Record<string, Refusal>;

export interface FrameLimits {
  /** Longest id or name, in characters. */
  idLengthMax: number;
  /** Deepest nesting of a frame's JSON. */
  jsonDepthMax: number;
}

/** What a frame could not be read for; `msgId` where that much was readable. */
export class Fault {
  constructor(
    readonly detail: string,
    readonly msgId?: string,
  ) {}
}

export type Handshake =
  { type: 'mod'; serverId: string; channelId: string } | { type: 'bot'; botId: string };

/** A message of either side, in the words of the core. */
export interface Message {
  msgId: string;
  /** Only a mod's: the server it says it is. */
  serverId?: string;
  channelId: string;
  author: { id: string; name?: string | undefined };
  content: string;
  meta?: Record<string, unknown>;
  ts?: string;
}

function schemas(limits: FrameLimits) {
  const Id = idSchema(limits.idLengthMax);
  const Name = nameSchema(limits.idLengthMax);
  const common = {
    msg_id: Id,
    author: Type.Object({ id: Id, name: Type.Optional(Name) }, { description: 'an object' }),
    content: Type.String({ minLength: 1, description: 'a string that is not empty' }),
    // Not a Record: its check would walk through an object in which everything is allowed.
    meta: Type.Optional(Type.Object({}, { description: 'an object' })),
    ts: Type.Optional(Type.String({ description: 'an RFC 3339 timestamp' })),
  };
  return {
    mod: Type.Object({ ...common, id: Id, destination: Type.Object({ channel_id: Id }) }),
    bot: Type.Object({ ...common, id: Id }),
    modHandshake: Type.Object({
      type: Type.Literal('mod'),
      data: Type.Object({ server_id: Id, channel_id: Id }, { description: 'an object' }),
    }),
    botHandshake: Type.Object({
      type: Type.Literal('bot'),
      data: Type.Object({ bot_id: Id }, { description: 'an object' }),
    }),
  };
}

/**
 * Reads frames. Unknown fields are ignored. Broken JSON, JSON deeper than `jsonDepthMax` and
 * whatever the source document's field lists do not allow come back as a `Fault`.
 */
export class RelayFrames {
  private readonly modCheck: TypeCheck<ReturnType<typeof schemas>['mod']>;
  private readonly botCheck: TypeCheck<ReturnType<typeof schemas>['bot']>;
  private readonly modHandshake: TypeCheck<ReturnType<typeof schemas>['modHandshake']>;
  private readonly botHandshake: TypeCheck<ReturnType<typeof schemas>['botHandshake']>;
  private lostDigits = false;

  constructor(private readonly limits: FrameLimits) {
    const { mod, bot, modHandshake, botHandshake } = schemas(limits);
    this.modCheck = TypeCompiler.Compile(mod);
    this.botCheck = TypeCompiler.Compile(bot);
    this.modHandshake = TypeCompiler.Compile(modHandshake);
    this.botHandshake = TypeCompiler.Compile(botHandshake);
  }

  handshake(text: string): Handshake | Fault {
    const value = this.parse(text);
    if (value instanceof Fault) return value;
    if (this.modHandshake.Check(value)) {
      const { server_id: serverId, channel_id: channelId } = value.data;
      return { type: 'mod', serverId, channelId };
    }
    if (this.botHandshake.Check(value)) return { type: 'bot', botId: value.data.bot_id };
    const type = (value as { type?: unknown } | null)?.type;
    if (type !== 'mod' && type !== 'bot') return new Fault('type: mod or bot');
    return fault(value, type === 'mod' ? this.modHandshake : this.botHandshake);
  }

  modMessage(text: string): Message | Fault {
    const value = this.read(text, this.modCheck);
    if (value instanceof Fault) return value;
    return message(value, value.destination.channel_id, value.id);
  }

  botMessage(text: string): Message | Fault {
    const value = this.read(text, this.botCheck);
    return value instanceof Fault ? value : message(value, value.id, undefined);
  }

  private read<T extends TSchema>(text: string, check: TypeCheck<T>): Static<T> | Fault {
    const value = this.parse(text);
    if (value instanceof Fault) return value;
    if (!check.Check(value)) return fault(value, check);
    const { ts } = value as { ts?: string };
    if (ts !== undefined && !isRfc3339(ts))
      return new Fault('ts: an RFC 3339 timestamp', msgIdOf(value));
    if (!this.lostDigits) return value;
    return text.length <= exactCharsMax
      ? (exactly(text) as Static<T>)
      : new Fault('a number beyond 2^53 in a frame above 64 KB', msgIdOf(value));
  }

  /** Parses and looks; `lostDigits` says whether a number came out other than it went in. */
  private parse(text: string): unknown {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return new Fault('not JSON');
    }
    const look = inspect(value, this.limits.jsonDepthMax);
    this.lostDigits = look === inexact;
    return look === tooDeep
      ? new Fault('deeper than server.json_depth_max', msgIdOf(value))
      : value;
  }
}

function message(
  value: Static<ReturnType<typeof schemas>['bot']>,
  channelId: string,
  serverId: string | undefined,
): Message {
  const { msg_id: msgId, author, content, meta, ts } = value;
  return {
    msgId,
    serverId,
    channelId,
    author: { id: author.id, name: author.name },
    content,
    meta,
    ts,
  } as Message;
}

function fault(value: unknown, check: TypeCheck<TSchema>): Fault {
  return new Fault(firstFault(value, check), msgIdOf(value));
}

function msgIdOf(value: unknown): string | undefined {
  const id = (value as { msg_id?: unknown } | null)?.msg_id;
  return typeof id === 'string' && id.length <= 1024 ? id : undefined;
}

const plain = 0;
const inexact = 1;
const tooDeep = 2;

/** Looks through a value once: how deep it is, and whether a number in it lost digits by parsing. */
function inspect(value: unknown, depthMax: number): number {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) || (value % 1 !== 0 && Number.isFinite(value))
      ? plain
      : inexact;
  }
  if (typeof value !== 'object' || value === null) return plain;
  if (depthMax === 0) return tooDeep;
  let worst = plain;
  const look = (part: unknown) => {
    if (typeof part !== 'string') worst = Math.max(worst, inspect(part, depthMax - 1));
  };
  // Not for…in for lists: it makes a string of each place, at thirty times the cost of the parse.
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) look(value[i]);
  else for (const key in value) look((value as Record<string, unknown>)[key]);
  return worst;
}

/** Longest frame that is parsed a second time: that costs fifty times the first, and stalls all. */
const exactCharsMax = 64 * 1024;

/** Parses so that numbers too large for a double leave again as they came (a Discord id in `meta`). */
function exactly(text: string): unknown {
  const raw = JSON as unknown as { rawJSON(text: string): unknown };
  const keep = (_key: string, value: unknown, context: { source: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? raw.rawJSON(context.source) : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

const dateTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,12})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** RFC 3339, section 5.6: date-time, leap second and lower-case letters included. */
export function isRfc3339(text: string): boolean {
  if (!dateTime.test(text)) return false;
  const day = Number(text.slice(8, 10));
  if (day < 29) return true;
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && !isLeap ? false : day <= monthDays[month - 1]!;
}

/**
 * What a recipient gets. The time at which it leaves comes last and has a fixed length, so that a
 * message that waits can be stamped again without another encoding.
 */
export function encodeDelivery(from: 'mod' | 'bot', message: Message, receivedAt: string): string {
  return JSON.stringify({
    type: from,
    channel_id: message.channelId,
    author: message.author,
    content: message.content,
    meta: message.meta,
    ts: message.ts ?? receivedAt,
    received_at: receivedAt,
    msg_id: message.msgId,
    server_id: message.serverId,
    forwarded_at: receivedAt,
  });
}

const stampEnd = '2026-01-01T00:00:00.000Z"}'.length;

/** The same delivery, leaving at another time. */
export function restamped(text: string, forwardedAt: string): string {
  return `${text.slice(0, -stampEnd)}${forwardedAt}"}`;
}

export type Status = 'completed' | 'queued' | 'failed';

/** Ids that JSON writes as they are: to test that costs a third of asking JSON. */
const plainId = /^[\w.:-]*$/;

/** The acknowledgement of one message. `detail` names the bound that a `failed` ran into. */
export function encodeAnswer(
  status: Status,
  role: 'mod' | 'bot',
  msgId: string,
  detail?: string,
): string {
  const why = detail === undefined ? '' : `,"detail":${JSON.stringify(detail)}`;
  const id = plainId.test(msgId) ? `"${msgId}"` : JSON.stringify(msgId);
  return `{"status":"${status}","type":"${role}","msg_id":${id}${why}}`;
}

export function encodeRefusal(refusal: Refusal, msgId?: string, detail?: string): string {
  return JSON.stringify({ message: refusal.message, code: refusal.code, msg_id: msgId, detail });
}
