import { expect } from 'bun:test';
import { Moonstead } from './moonstead.ts';
import { RawClient } from './raw.ts';
import { type Frame, RelayClient } from './relay-client.ts';

/** Words of what players say, and a secret: neither may come into a log. */
export const words = 'w0rds-that-no-log-may-hold';
export const secret = 's3cret-that-no-log-may-hold';

/** Settings by section of config.toml. */
export type Settings = Record<string, Record<string, unknown>>;

export interface Granted {
  userId: string;
  token: string;
  expiresAt: string;
}

/** How a player says who it is, and where it comes from. */
export interface Arrival {
  token?: string;
  protocol?: 1 | 2;
  userName?: string;
}

/** A server with its clients, so that none outlives its test; it logs all there is. */
export class Game {
  server!: Moonstead;
  /** Every token that was granted: none may come into the log. */
  readonly tokens = new Set<string>();
  private readonly guests: (() => unknown)[] = [];

  async start(settings: Settings = {}, folder?: string): Promise<void> {
    const all: Settings = { ...settings, server: { log_level: 'debug', ...settings.server } };
    const toml = Object.entries(all).map(([section, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${asToml(value)}\n`);
      return `[${section}]\n${lines.join('')}`;
    });
    // Keys of its own, for behind a proxy those of the examples are refused.
    const more = folder === undefined ? {} : { folder };
    const mls = { tokens: ['a-token-of-its-own'] };
    const gateway = { MOONSTEAD_GATEWAY_WEBSOCKET: 'a-key-of-its-own' };
    this.server = await Moonstead.start({ toml: toml.join(''), mls, env: gateway, ...more });
  }

  guest<T>(guest: T, leave: (guest: T) => unknown): T {
    this.guests.push(() => leave(guest));
    return guest;
  }

  /** POST of a body as it is, or of a value as JSON. */
  post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.server.http}/auth`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** What POST answers: its status and its fields. */
  async answer(body: unknown, headers: Record<string, string> = {}): Promise<Frame> {
    const response = await this.post(body, headers);
    const fields = (await response.json()) as Frame;
    if (fields.token !== undefined) this.tokens.add(fields.token);
    return { status: response.status, ...fields };
  }

  /** A session, granted by POST. */
  async session(userId: string, more: object = {}): Promise<Granted> {
    const granted = await this.answer({ type: 'auth', userId, ...more });
    expect([userId, granted.status]).toEqual([userId, 200]);
    return granted as unknown as Granted;
  }

  async isValid(token: string): Promise<boolean> {
    return (await this.answer({ type: 'validate', token })).success;
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.server.port}${path}`;
  }

  /** A socket of `/auth` or `/player`, nothing said. */
  async socket(path: string, headers: Record<string, string> = {}): Promise<RelayClient> {
    return this.guest(await RelayClient.open(this.url(path), headers), (it) => it.socket.close());
  }

  /** The same, made of bytes. */
  async raw(path: string, options: { pongs?: boolean } = {}): Promise<RawClient> {
    const client = RawClient.open(this.server.port, { path, ...options });
    return this.guest(await client, (it) => it.ended || it.destroy());
  }

  /** A player that is in: what it got until the first list is passed over. */
  async player(userId: string, arrival: Arrival = {}): Promise<RelayClient> {
    const client = await this.socket('/player');
    client.say(await this.hello(userId, arrival));
    await client.next(({ type }) => type === 'user_list_update');
    return client;
  }

  /** The same, made of bytes. */
  async rawPlayer(
    userId: string,
    { pongs, ...arrival }: Arrival & { pongs?: boolean } = {},
  ): Promise<RawClient> {
    const client = await this.raw('/player', { pongs: pongs ?? true });
    client.say(await this.hello(userId, arrival));
    await client.next(({ type }) => type === 'user_list_update');
    return client;
  }

  async hello(userId: string, { token, protocol = 2, ...more }: Arrival = {}): Promise<Frame> {
    token ??= (await this.session(userId)).token;
    return { type: 'session_auth', token, protocol, ...more };
  }

  /** Why connections were closed, as the log has it. */
  get closings(): unknown[] {
    return this.server.events
      .filter(({ event }) => event === 'closing')
      .map(({ code, detail }) => (detail === undefined ? code : `${code} ${detail}`));
  }

  /** Its clients go. */
  async leave(): Promise<void> {
    for (const leave of this.guests.splice(0).reverse()) await leave();
  }

  /** Ends all; fails if the server had a fault, or its log holds what it must not. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.leave();
    const { server } = this;
    const code = await server.stop(signal);
    for (const hidden of [words, secret, ...this.tokens])
      expect(server.output).not.toContain(hidden);
    expect(server.events.filter(({ level }) => level === 'error')).toEqual([]);
    if (signal === 'SIGTERM') expect(code).toBe(0);
  }

  /** Fails unless two who are new hear each other. */
  async stillServes(): Promise<void> {
    const name = crypto.randomUUID();
    const [one, other] = await Promise.all([this.player(`${name}-1`), this.player(`${name}-2`)]);
    one.say({ type: 'message', targetUserId: `${name}-2`, data: words, msg_id: name });
    expect(await ackOf(one, name)).toMatchObject({ status: 'completed' });
    expect(await other.next(({ msg_id: id }) => id === name)).toMatchObject({ data: words });
    await Promise.all([one.close(), other.close()]);
  }
}

function asToml(value: unknown): string {
  return JSON.stringify(value);
}

/** The next acknowledgement of that message. */
export function ackOf(client: RelayClient, msgId: string): Promise<Frame> {
  return client.next(({ type, msg_id: id }) => type === 'message_ack' && id === msgId);
}

/** Says something to a user, and waits for what became of it. */
export async function tell(
  client: RelayClient,
  targetUserId: string,
  msgId: string,
  data: unknown = msgId,
): Promise<string> {
  client.say({ type: 'message', targetUserId, data, msg_id: msgId });
  return (await ackOf(client, msgId)).status;
}

/** Ids of the messages that a client was given so far. */
export function given({ frames }: { frames: readonly Frame[] }): string[] {
  return frames.filter(({ type }) => type === 'message').map(({ msg_id: id }) => id);
}
