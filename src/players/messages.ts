import { type Static, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { jsonDepth, jsonMember } from '../json-text.ts';
import type { Refusal } from '../refusal.ts';
import { firstFault, idSchema, userIdSchema } from '../schemas.ts';

/** Every "no" of the players, by name. Those that end the connection carry its close code. */
export const playerRefusals = {
  notUpgrading: { code: 426, message: 'This address speaks WebSocket.', retry: false },
  tooManyUnauthenticated: {
    code: 429,
    message:
      'Too many connections of this address wait to authenticate (players.unauthenticated_max).',
    retry: true,
  },
  handshakeTimeout: { code: 408, message: 'No session_auth in time.', close: 4408, retry: true },
  badToken: { code: 401, message: 'Invalid session token', close: 4401, retry: false },
  serverFull: { code: 503, message: 'Server full, please try later', close: 4503, retry: true },
  replaced: { code: 410, message: 'replaced', close: 4410, retry: false },
  loggedOut: { code: 401, message: 'logged out', close: 4401, retry: false },
  disconnected: {
    code: 403,
    message: 'disconnected by an operator',
    close: 4403,
    retry: false,
  },
  badMessage: { code: 400, message: 'Malformed message.', retry: false },
  notThere: { code: 404, message: 'This user is not online.', retry: true },
  behind: { code: 503, message: 'This user does not keep up.', retry: true },
  noRequest: { code: 404, message: 'This user has not asked for a link.', retry: false },
  tooManyLinks: { code: 429, message: 'Too many links (players.links_max).', retry: true },
  tooManyChannels: { code: 429, message: 'Too many channels (players.channels_max).', retry: true },
  tooManyMessages: { code: 429, message: 'Too many messages.', retry: true },
  floods: { code: 429, message: 'Too many messages.', close: 4429, retry: true },
  tooSlow: { code: 508, message: 'too slow', close: 4508, retry: true },
  goingAway: { code: 503, message: 'going away', close: 1001, retry: true },
} as const satisfies Record<string, Refusal>;

export interface FrameLimits {
  idLengthMax: number;
  jsonDepthMax: number;
  /** Longest text frame, in characters. */
  charsMax: number;
}

/** What a frame could not be read for, in words for people. */
export class Fault {
  constructor(readonly detail: string) {}
}

function schemas({ idLengthMax }: FrameLimits) {
  const Id = idSchema(idLengthMax);
  const type = <Name extends string>(name: Name) => Type.Literal(name);
  const to = { targetUserId: userIdSchema };
  return [
    Type.Object({
      type: type('session_auth'),
      token: Type.String({ minLength: 1, maxLength: 256, description: 'a session token' }),
      userId: Type.Optional(userIdSchema),
      userName: Type.Optional(Id),
      protocol: Type.Optional(
        Type.Union([Type.Literal(1), Type.Literal(2)], { description: '1 or 2' }),
      ),
    }),
    Type.Object({ type: type('list_online') }),
    Type.Object({ type: type('connect'), ...to }),
    Type.Object({ type: type('connect_accept'), ...to }),
    Type.Object({ type: type('connect_reject'), ...to }),
    Type.Object({ type: type('disconnect') }),
    Type.Object({
      type: type('message'),
      targetUserId: Type.Optional(userIdSchema),
      channel: Type.Optional(Id),
      data: Type.Unknown({ description: 'any JSON' }),
      msg_id: Type.Optional(Id),
    }),
    Type.Object({ type: type('join'), channel: Id }),
    Type.Object({ type: type('leave'), channel: Id }),
    Type.Object({ type: type('ping') }),
  ] as const;
}

type AnyFrame = Static<ReturnType<typeof schemas>[number]>;
type Told = Extract<AnyFrame, { type: 'message' }>;

/** A frame of a player, read. `data` is JSON text, as it came. */
export type PlayerFrame =
  | Exclude<AnyFrame, Told>
  | (Omit<Told, 'data'> & { data: string })
  /** About files: read further by `readFileFrame`. */
  | { type: 'file'; value: unknown };

const fileTypes = ['file_send_begin', 'file_send_complete', 'file_received'];

/** Reads what players send. Unknown fields are ignored. */
export class PlayerFrames {
  private readonly checks: Map<string, TypeCheck<ReturnType<typeof schemas>[number]>>;

  constructor(private readonly limits: FrameLimits) {
    this.checks = new Map(
      schemas(limits).map((schema) => [schema.properties.type.const, TypeCompiler.Compile(schema)]),
    );
  }

  read(text: string): PlayerFrame | Fault {
    const { charsMax, jsonDepthMax } = this.limits;
    if (text.length > charsMax) return new Fault('longer than players.message_bytes');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return new Fault('not JSON');
    }
    if (jsonDepth(text) > jsonDepthMax) return new Fault('deeper than server.json_depth_max');
    const type = (value as { type?: string } | null)?.type ?? '';
    if (fileTypes.includes(type)) return { type: 'file', value };
    const check = this.checks.get(type);
    if (check === undefined)
      return new Fault(`type: ${[...this.checks.keys(), ...fileTypes].join(', ')}`);
    if (!check.Check(value)) return new Fault(firstFault(value, check));
    if (value.type !== 'message') return value as Exclude<AnyFrame, Told>;
    const data = jsonMember(text, 'data');
    if (data === undefined) return new Fault('data: any JSON');
    const { targetUserId, channel } = value;
    if ((targetUserId === undefined) === (channel === undefined))
      return new Fault('targetUserId or channel: one of them');
    return { ...value, data };
  }
}

export interface OnlineUser {
  userId: string;
  userName?: string | undefined;
}

export const encodeAuthenticated = (userId: string) =>
  JSON.stringify({
    type: 'session_auth_result',
    success: true,
    message: 'Authentication successful',
    userId,
  });

export const encodeRefusedAuth = (message: string) =>
  JSON.stringify({ type: 'session_auth_result', success: false, message });

export const encodeWelcome = (instance: string) =>
  JSON.stringify({
    type: 'connection_info',
    message: `You are connected through instance ${instance}`,
  });

export const encodeList = (users: readonly OnlineUser[]) =>
  JSON.stringify({ type: 'user_list_update', users });

export const encodeChange = (type: 'user_joined' | 'user_left', user: OnlineUser) =>
  JSON.stringify({ type, ...user });

/** A frame about somebody else, such as `{"type":"connect_request","fromUserId":…}`. */
export const encodeAbout = (
  type: 'connect_request' | 'connect_accepted' | 'connect_rejected' | 'disconnected',
  userId: string,
) => {
  const field = { connect_request: 'fromUserId', disconnected: 'userId' }[type as string];
  return JSON.stringify({ type, [field ?? 'withUserId']: userId });
};

/** What the receiver of a message gets. `data` is JSON text. */
export function encodeMessage(fromUserId: string, data: string, msgId: string, ts: string): string {
  const from = JSON.stringify(fromUserId);
  return `{"type":"message","fromUserId":${from},"data":${data},"msg_id":${JSON.stringify(msgId)},"ts":"${ts}"}`;
}

export const encodeAck = (
  msgId: string,
  status: 'completed' | 'queued' | 'failed',
  detail?: string,
) => JSON.stringify({ type: 'message_ack', msg_id: msgId, status, detail });

/** What an operator says to everybody. */
export const encodeBroadcast = (message: string, ts: string) =>
  JSON.stringify({ type: 'broadcast', message, ts });

export const encodePong = (ts: string) => JSON.stringify({ type: 'pong', ts });

export const encodeError = ({ code, message }: Refusal, detail?: string) =>
  JSON.stringify({ type: 'error', code, message, detail });
