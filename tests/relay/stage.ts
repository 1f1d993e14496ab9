import { RelayFrames } from '../../src/relay/messages.ts';
import { Relay } from '../../src/relay/relay.ts';
import type { RelayKey, RelayLimits, Seat } from '../../src/relay/seat.ts';
import type { Peer } from '../../src/sockets/ports.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RingStore } from '../../src/store/store.ts';
import { SimClock } from '../sim/clock.ts';

/** A connection whose client the test plays by hand. */
export class Actor implements Peer {
  data: { seat: unknown } = { seat: undefined };
  /** Everything it was sent, in order: texts parsed, pings as `{ ping }`. */
  readonly got: Record<string, any>[] = [];
  /** Bytes in its socket's buffer, as the test wishes. */
  buffered = 0;
  ended: number | undefined;
  readonly topics = new Set<string>();

  constructor(private readonly relay: Relay) {}

  get seat(): Seat {
    return this.data.seat as Seat;
  }

  get contents(): string[] {
    return this.got.filter(({ content }) => content !== undefined).map((frame) => frame.content);
  }

  get pings(): string[] {
    return this.got.filter(({ ping }) => ping !== undefined).map((frame) => frame.ping);
  }

  get statuses(): string[] {
    return this.got.filter(({ status }) => status !== undefined).map((frame) => frame.status);
  }

  say(...frames: object[]): void {
    for (const frame of frames) this.relay.frame(this.seat, JSON.stringify(frame));
  }

  /** Answers its newest ping. */
  pong(): void {
    this.relay.pong(this.seat, this.pings.at(-1)!);
  }

  send(text: string): void {
    this.got.push(JSON.parse(text));
  }

  cork(fn: () => void): void {
    fn();
  }

  ping(payload: string): void {
    this.got.push({ ping: payload });
  }

  close(code: number): void {
    if (this.ended !== undefined) return;
    this.ended = code;
    this.relay.closed(this.seat, code);
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

const frames = new RelayFrames({ idLengthMax: 128, jsonDepthMax: 64 });

/** The relay core with a hand-driven clock, and a store whose calls a test may intercept. */
export class Stage {
  readonly clock = new SimClock();
  readonly store = memoryStore();
  readonly relay: Relay;
  private readonly actors: Actor[] = [];

  constructor(limits: Partial<RelayLimits> = {}, intercept: Partial<RingStore> = {}) {
    const publish = (topic: string, text: string) => {
      for (const actor of this.actors) if (actor.topics.has(topic)) actor.send(text);
    };
    const rings = { ...this.store.rings, ...intercept };
    this.relay = new Relay(
      {
        clock: this.clock,
        topics: { publish },
        store: { ...this.store, rings },
        frames,
        report: () => {},
      },
      {
        queueMax: 8,
        handshakeTimeoutMs: 60_000,
        pingIntervalMs: 30_000,
        readDeadlineMs: 60_000,
        botCheckTimeoutMs: 5000,
        receiptIntervalMs: 100,
        slowBytes: 400,
        tooSlowBytes: 8000,
        slowTimeoutMs: 10_000,
        rateLimit: 0,
        rateLimitTimeoutMs: 10_000,
        unacknowledgedMax: 1024,
        waitingFramesMax: 1024,
        ringsMax: 10_000,
        ringBytesMax: 1 << 26,
        keyRingBytesMax: 1 << 24,
        unreceiptedBytesMax: 1 << 26,
        ...limits,
      },
    );
  }

  async begin(): Promise<this> {
    await this.relay.begin();
    return this;
  }

  enter(key: RelayKey = { name: 'k' }): Actor {
    const actor = new Actor(this.relay);
    this.actors.push(actor);
    actor.data.seat = this.relay.open(actor, key);
    return actor;
  }

  mod(serverId = 'srv', channelId = '100'): Actor {
    const actor = this.enter();
    actor.say({ type: 'mod', data: { server_id: serverId, channel_id: channelId } });
    return actor;
  }

  bot(botId = 'bot'): Actor {
    const actor = this.enter();
    actor.say({ type: 'bot', data: { bot_id: botId } });
    return actor;
  }

  /** Lets time pass, and everything that was to come in it. */
  async pass(ms = 0): Promise<void> {
    await this.clock.run(ms);
  }

  /** Texts in a ring of the store, by position. */
  async stored(ring: string): Promise<string[]> {
    const rows = await this.store.rings.read(ring, 0, 1 << 30);
    return rows.map(({ text }) => JSON.parse(text).content);
  }
}
