import { PlayerFrames } from '../../src/players/messages.ts';
import { Players } from '../../src/players/players.ts';
import type { FileSide, PlayersLimits } from '../../src/players/ports.ts';
import { changesPace } from '../../src/players/presence-changes.ts';
import type { PlayerPeer, PlayerSeat } from '../../src/players/seat.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RingStore } from '../../src/store/store.ts';
import { SimClock } from '../sim/clock.ts';

const frames = new PlayerFrames({ idLengthMax: 128, jsonDepthMax: 64, charsMax: 65_536 });

const noFiles: FileSide = {
  begin: async () => {},
  frame: () => {},
  bytes: () => {},
  joined: () => {},
  left: () => {},
  drained: () => {},
  drain: async () => {},
};

const limits: PlayersLimits = {
  playersMax: 1000,
  queueMax: 64,
  ringsMax: 10_000,
  ringBytesMax: 1 << 26,
  senderRingBytesMax: 1 << 22,
  awayRingsPerSender: 100,
  awayRingsPerAddress: 1000,
  receiptIntervalMs: 100,
  slowBytes: 1000,
  tooSlowBytes: 8000,
  unreceiptedMax: 1 << 26,
  reconnectGraceMs: 30_000,
  handshakeTimeoutMs: 10_000,
  pingIntervalMs: 30_000,
  readDeadlineMs: 600_000,
  slowTimeoutMs: 60_000,
  linksMax: 64,
  channelsMax: 64,
  unacknowledgedMax: 256,
  rateLimit: 0,
  changesPace,
};

/** The core with a clock that the test moves, and players that do what the test says. */
export class Stage {
  readonly clock = new SimClock();
  readonly players: Players;
  readonly actors: Actor[] = [];
  /** Sessions in use: user, and what ends it. A token is good while it is `<userId>-token`. */
  readonly sessions = new Set<{ userId: string; end(): void }>();
  private ids = 0;

  constructor(
    more: Partial<PlayersLimits> = {},
    readonly store = memoryStore(),
    intercept: Partial<RingStore> = {},
  ) {
    this.players = new Players(
      {
        clock: this.clock,
        topics: { publish: (topic, text) => this.publish(topic, text) },
        store: { ...store, rings: { ...store.rings, ...intercept } },
        frames,
        enter: (token, end) => {
          const userId = token.replace('-token', '');
          if (userId === token) return undefined;
          const session = { userId, end };
          this.sessions.add(session);
          return { userId, leave: () => void this.sessions.delete(session) };
        },
        instanceName: 'the-stage',
        newId: () => `made-${(this.ids += 1)}`,
        transfers: noFiles,
        report: () => {},
      },
      { ...limits, ...more },
    );
  }

  async begin(): Promise<this> {
    await this.players.begin();
    return this;
  }

  /** A connection that has said nothing yet. */
  stranger(address = '192.0.2.1'): Actor {
    const actor = new Actor(this);
    this.actors.push(actor);
    actor.data.seat = this.players.open(actor, address);
    return actor;
  }

  /** A player who is in, with nothing in `got`. */
  enter(userId: string, protocol: 1 | 2 = 2, more: object = {}): Actor {
    const actor = this.stranger();
    actor.say({ type: 'session_auth', token: `${userId}-token`, protocol, ...more });
    if (actor.got.shift()?.success !== true) throw new Error(`${userId} is not let in`);
    actor.got.splice(0, 2);
    return actor;
  }

  /** Lets time pass, and everything that was to come in it. */
  async pass(ms = 0): Promise<void> {
    await this.clock.run(ms);
  }

  publish(topic: string, text: string, sender?: Actor): void {
    for (const actor of this.actors)
      if (actor !== sender && actor.topics.has(topic)) actor.send(text);
  }

  /** Users for whom something waits in the store. */
  async waiting(): Promise<string[]> {
    const rings = await this.store.rings.index();
    return rings.map(({ ring }) => ring.replace('players/u/', ''));
  }
}

/** A connection whose client the test plays by hand. */
export class Actor implements PlayerPeer {
  data: { seat: unknown } = { seat: undefined };
  /** Everything it was sent, in order, parsed; but for pings. */
  got: Record<string, any>[] = [];
  /** As it was sent. */
  readonly texts: string[] = [];
  readonly pings: string[] = [];
  readonly topics = new Set<string>();
  /** Bytes in its socket's buffer, as the test wishes. */
  buffered = 0;
  ended: number | undefined;

  constructor(private readonly stage: Stage) {}

  get seat(): PlayerSeat {
    return this.data.seat as PlayerSeat;
  }

  say(...said: (object | string)[]): void {
    for (const frame of said)
      this.stage.players.frame(
        this.seat,
        typeof frame === 'string' ? frame : JSON.stringify(frame),
      );
  }

  /** Says something to a user. */
  tell(targetUserId: string, ...data: unknown[]): void {
    for (const one of data)
      this.say({ type: 'message', targetUserId, data: one, msg_id: `${one}` });
  }

  /** Says something to a channel. */
  shout(channel: string, data: unknown): void {
    this.say({ type: 'message', channel, data, msg_id: `${data}` });
  }

  /** The frames of one type. */
  of(type: string): Record<string, any>[] {
    return this.got.filter((frame) => frame.type === type);
  }

  /** What it was told by others. */
  get heard(): unknown[] {
    return this.of('message').map(({ data }) => data);
  }

  /** What became of its messages. */
  get acks(): string[] {
    return this.of('message_ack').map(({ msg_id, status }) => `${msg_id} ${status}`);
  }

  /** Codes of the errors that it was sent. */
  get errors(): number[] {
    return this.of('error').map(({ code }) => code);
  }

  /** Who is online by the newest list that it was sent. */
  get listed(): string[] | undefined {
    return this.of('user_list_update')
      .at(-1)
      ?.users.map(({ userId }: { userId: string }) => userId);
  }

  /** Answers its newest ping. */
  pong(): void {
    this.stage.players.pong(this.seat, this.pings.at(-1)!);
  }

  send(frame: string | Uint8Array): void {
    if (this.ended !== undefined) return;
    this.texts.push(frame as string);
    this.got.push(JSON.parse(frame as string));
  }

  publish(topic: string, text: string): void {
    this.stage.publish(topic, text, this);
  }

  cork(fn: () => void): void {
    fn();
  }

  ping(payload: string): void {
    this.pings.push(payload);
  }

  close(code = 1000): void {
    if (this.ended !== undefined) return;
    this.ended = code;
    this.stage.players.closed(this.seat, code);
  }

  terminate(): void {
    this.close(1006);
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  getBufferedAmount(): number {
    return this.buffered;
  }
}
