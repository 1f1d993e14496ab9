import { type Bucket, newBucket, takeToken } from '../access/rate-limit.ts';
import type { Refusal } from '../refusal.ts';
import { Answers } from '../sockets/answers.ts';
import type { Cancel, Clock, Peer, Topics } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import { Delivery, type Recipient } from './delivery.ts';
import {
  encodeAnswer,
  encodeDelivery,
  encodeRefusal,
  Fault,
  type Handshake,
  type Message,
  type RelayFrames,
  relayRefusals,
  restamped,
} from './messages.ts';
import { Rings } from './rings.ts';

/** What a key may do. `allows` is undefined for a key with every channel. */
export interface RelayKey {
  name: string;
  role?: 'mod' | 'bot' | undefined;
  allows?: ((channel: string) => boolean) | undefined;
}

export interface RelayLimits {
  queueMax: number;
  handshakeTimeoutMs: number;
  pingIntervalMs: number;
  readDeadlineMs: number;
  botCheckTimeoutMs: number;
  receiptIntervalMs: number;
  slowBytes: number;
  tooSlowBytes: number;
  slowTimeoutMs: number;
  /** Messages a second of one connection; 0 is off. */
  rateLimit: number;
  rateLimitTimeoutMs: number;
  unacknowledgedMax: number;
  waitingFramesMax: number;
  ringsMax: number;
  ringBytesMax: number;
  keyRingBytesMax: number;
  unreceiptedBytesMax: number;
}

export interface RelayPorts {
  clock: Clock;
  topics: Topics;
  store: Store;
  frames: RelayFrames;
  /** An event for the operator. Never gets chat text or keys. */
  report(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: object): void;
}

/** A connection of the relay. */
export interface Seat extends Recipient {
  readonly key: RelayKey;
  readonly openedMs: number;
  /** From its first message on. */
  answers: Answers | undefined;
  state: 'new' | 'waiting' | 'open' | 'closed';
  role: 'mod' | 'bot' | undefined;
  /** server_id or bot_id. */
  id: string;
  channel: string;
  bucket: Bucket | undefined;
  /** Since when, and when last, it was told 429; 0 when it is not over its rate. */
  overSinceMs: number;
  overLastMs: number;
}

/** A bot that waits while we find out whether the one before it still lives. */
interface Contender {
  seat: Seat;
  handshake: Handshake & { type: 'bot' };
  frames: (string | undefined)[];
  giveUp: Cancel;
}

const detailSlow = (bound: string) => `too slow (${bound})`;

/**
 * The relay (docs/protocol.md, "Relay"): mods and one bot exchange chat by channel. Knows no
 * sockets and no time of its own; all calls are synchronous, so frames keep their order.
 */
export class Relay {
  private readonly seats = new Set<Seat>();
  private readonly rings: Rings;
  private readonly toMods: Delivery;
  private readonly toBot: Delivery;
  private bot: Seat | undefined;
  private contender: Contender | undefined;
  private draining = false;
  private stampMs = -1;
  private stampText = '';
  private readonly sweepMs: number;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: RelayPorts,
    private readonly limits: RelayLimits,
  ) {
    const { clock, topics, store } = ports;
    const { queueMax: rowsMax, ringsMax, ringBytesMax, keyRingBytesMax } = limits;
    this.rings = new Rings(
      store.rings,
      clock,
      { rowsMax, ringsMax, bytesMax: ringBytesMax, ownerBytesMax: keyRingBytesMax },
      (ring) => {
        this.toMods.emptied(ring);
        this.toBot.emptied(ring);
      },
    );
    const shared = {
      clock,
      topics,
      rings: this.rings,
      restamp: (text: string, nowMs: number) => restamped(text, this.time(nowMs)),
      tooSlow: (recipient: Recipient) => this.tooSlow(recipient, 'gateway.too_slow_bytes'),
      report: (event: string, fields: object) => ports.report('warn', event, fields),
    };
    const deliveryLimits = { ...limits, unreceiptedMax: limits.unreceiptedBytesMax };
    this.toMods = new Delivery(shared, deliveryLimits, {
      ringPrefix: 'relay/mods/',
    });
    this.toBot = new Delivery(shared, deliveryLimits, {
      ringPrefix: 'relay/bot/',
      topic: 'relay/bot',
    });
    const shortest = Math.min(
      limits.handshakeTimeoutMs,
      limits.pingIntervalMs,
      limits.readDeadlineMs,
      limits.slowTimeoutMs,
    );
    this.sweepMs = Math.max(10, Math.min(1000, shortest / 4));
  }

  /** Takes over what an earlier run left in the store. Call before the first connection. */
  async begin(): Promise<void> {
    const highest = await this.rings.load('relay/');
    this.toMods.begin(highest);
    this.toBot.begin(highest);
    this.sweepLater();
  }

  /** A connection that got in with `key`. */
  open(peer: Peer, key: RelayKey): Seat {
    const nowMs = this.ports.clock.now();
    const seat: Seat = {
      peer,
      key,
      openedMs: nowMs,
      answers: undefined,
      seenMs: nowMs,
      pingedMs: nowMs,
      pingsOut: undefined,
      lane: undefined,
      state: 'new',
      role: undefined,
      id: '',
      channel: '',
      bucket: undefined,
      overSinceMs: 0,
      overLastMs: 0,
      behindSinceMs: 0,
      burst: 0,
      paused: false,
      touched: false,
      closed: false,
    };
    this.seats.add(seat);
    if (this.draining) this.refuse(seat, relayRefusals.goingAway);
    return seat;
  }

  /** A frame; undefined for a binary one. */
  frame(seat: Seat, text: string | undefined): void {
    if (this.draining || seat.state === 'closed') return;
    const nowMs = this.ports.clock.now();
    seat.seenMs = nowMs;
    if (seat.state === 'open') {
      if (seat === this.bot) this.botLives();
      this.message(seat, text, nowMs);
    } else if (seat.state === 'waiting') {
      const { frames } = this.contender!;
      if (frames.length < this.limits.waitingFramesMax) frames.push(text);
      else this.refuse(seat, relayRefusals.floods, 'gateway.waiting_frames_max');
    } else {
      this.shakeHands(seat, text);
    }
  }

  pong(seat: Seat, payload: string): void {
    if (seat.state === 'closed') return;
    seat.seenMs = this.ports.clock.now();
    if (seat === this.bot) this.botLives();
    if (seat.role !== undefined) this.side(seat).pong(seat, payload);
  }

  /** The socket's buffer went down. */
  drained(seat: Seat): void {
    if (seat.role !== undefined) this.side(seat).measure(seat);
  }

  /** The connection ended, by either side. */
  closed(seat: Seat, code: number): void {
    if (seat.state === 'closed') return;
    const { role, id, channel } = seat;
    seat.state = 'closed';
    seat.closed = true;
    this.seats.delete(seat);
    if (role !== undefined) {
      this.side(seat).leave(seat);
      this.ports.report('info', `${role}_left`, { id, channel, key: seat.key.name, code });
    }
    if (this.contender?.seat === seat) this.dropContender();
    if (this.bot === seat) {
      this.bot = undefined;
      if (this.contender !== undefined) this.contenderWins();
    }
  }

  /**
   * Ends the relay within `budgetMs`: takes no more frames, finishes what is being committed, asks
   * for receipts and waits up to a second for them, closes with 1001, puts away what has none.
   */
  async drain(budgetMs: number): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    const { clock } = this.ports;
    const endMs = clock.now() + budgetMs;
    const within = (promise: Promise<unknown>) =>
      Promise.race([promise, this.wait(Math.max(0, endMs - clock.now()))]);
    await within(this.rings.settled());
    for (const side of [this.toMods, this.toBot]) side.askForReceipts();
    const patienceMs = Math.min(endMs, clock.now() + 1000);
    while ((this.toMods.owesReceipts() || this.toBot.owesReceipts()) && clock.now() < patienceMs)
      await this.wait(10);
    // Closing puts what is without a receipt into the rings.
    for (const seat of [...this.seats]) this.close(seat, relayRefusals.goingAway);
    this.stopSweeping();
    await within(this.rings.settled());
    // A store that is full may have room again before our time is up.
    while (this.rings.owesStore && clock.now() < endMs) {
      this.rings.retry();
      await within(this.rings.settled());
      if (this.rings.owesStore) await this.wait(100);
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.ports.clock.after(ms, resolve));
  }

  private side(seat: Seat): Delivery {
    return seat.role === 'bot' ? this.toBot : this.toMods;
  }

  private shakeHands(seat: Seat, text: string | undefined): void {
    const hello = text === undefined ? new Fault('binary') : this.ports.frames.handshake(text);
    if (hello instanceof Fault)
      return this.refuse(seat, relayRefusals.malformedHandshake, hello.detail);
    const { role, allows } = seat.key;
    if (role !== undefined && role !== hello.type)
      return this.refuse(seat, relayRefusals.handshakeForbidden, `the key is for a ${role}`);
    if (hello.type === 'mod') {
      if (allows?.(hello.channelId) === false)
        return this.refuse(seat, relayRefusals.handshakeForbidden, 'the key lacks this channel');
      this.seatMod(seat, hello);
    } else if (this.bot === undefined) {
      this.seatBot(seat, hello);
    } else if (this.contender !== undefined) {
      this.refuse(seat, relayRefusals.botConnected);
    } else {
      this.contend(seat, hello);
    }
  }

  private seatMod(seat: Seat, { serverId, channelId }: Handshake & { type: 'mod' }): void {
    seat.role = 'mod';
    seat.id = serverId;
    seat.channel = channelId;
    const present = this.toMods.lanes.get(channelId)?.members ?? [];
    const older = present.find(({ recipient }) => (recipient as Seat).id === serverId);
    // The older one ends first, so that what it never received is flushed before anything live.
    if (older !== undefined) this.close(older.recipient as Seat, relayRefusals.replaced);
    this.welcome(seat);
    this.toMods.join(seat, channelId);
  }

  private seatBot(seat: Seat, { botId }: Handshake & { type: 'bot' }): void {
    seat.role = 'bot';
    seat.id = botId;
    this.bot = seat;
    this.welcome(seat);
    this.toBot.joinEverywhere(seat, seat.key.allows ?? everyChannel);
  }

  private welcome(seat: Seat): void {
    const { role, id, channel } = seat;
    seat.state = 'open';
    seat.peer.send(`{"status":"connected","type":"${role}"}`);
    this.ports.report('info', `${role}_joined`, { id, channel, key: seat.key.name });
  }

  private contend(seat: Seat, handshake: Handshake & { type: 'bot' }): void {
    const giveUp = this.ports.clock.after(this.limits.botCheckTimeoutMs, () => {
      // Its close handler lets the contender in.
      this.bot?.peer.terminate();
    });
    seat.state = 'waiting';
    this.contender = { seat, handshake, frames: [], giveUp };
    this.toBot.ping(this.bot!);
  }

  /** The connected bot showed a sign of life. */
  private botLives(): void {
    if (this.contender === undefined) return;
    const { seat } = this.contender;
    this.dropContender();
    this.refuse(seat, relayRefusals.botConnected);
  }

  private dropContender(): void {
    this.contender?.giveUp();
    this.contender = undefined;
  }

  private contenderWins(): void {
    const { seat, handshake, frames } = this.contender!;
    this.dropContender();
    if (this.draining) return;
    this.seatBot(seat, handshake);
    for (const text of frames) this.frame(seat, text);
  }

  private message(seat: Seat, text: string | undefined, nowMs: number): void {
    const { frames } = this.ports;
    const side = this.side(seat);
    side.touch(seat);
    const role = seat.role!;
    const message =
      text === undefined
        ? new Fault('binary')
        : role === 'mod'
          ? frames.modMessage(text)
          : frames.botMessage(text);
    const answers = (seat.answers ??= new Answers(seat.peer));
    const full = answers.waiting >= this.limits.unacknowledgedMax;
    if (full || (this.limits.rateLimit > 0 && !this.withinRate(seat, nowMs))) {
      const bound = full ? 'gateway.unacknowledged_max' : 'gateway.rate_limit';
      answerRefusal(answers, relayRefusals.tooManyMessages, message.msgId, bound);
      // Refusals wait in line too.
      if (answers.waiting > 2 * this.limits.unacknowledgedMax)
        this.close(seat, relayRefusals.floods, bound);
      return;
    }
    if (message instanceof Fault) {
      const { msgId, detail } = message;
      answerRefusal(answers, relayRefusals.malformedMessage, msgId, detail);
      return;
    }
    if (role === 'mod' && message.serverId !== seat.id) {
      const detail = 'id: the server_id of the handshake';
      answerRefusal(answers, relayRefusals.malformedMessage, message.msgId, detail);
      return;
    }
    if (seat.key.allows?.(message.channelId) === false) {
      answerRefusal(answers, relayRefusals.forbidden, message.msgId, 'the key lacks this channel');
      return;
    }
    this.forward(seat, answers, message, nowMs);
  }

  private forward(seat: Seat, answers: Answers, message: Message, nowMs: number): void {
    const { msgId } = message;
    const role = seat.role!;
    const to = role === 'mod' ? this.toBot : this.toMods;
    const lane = to.lane(message.channelId);
    const text = encodeDelivery(role, message, this.time(nowMs));
    if (to.publish(lane, text, seat.key.name)) {
      answers.now(encodeAnswer('completed', role, msgId));
      return;
    }
    const answer = answers.later();
    const over = to.queue(lane, text, seat.key.name, (outcome) => {
      answer(encodeAnswer(outcome, role, msgId, outcome === 'failed' ? 'not stored' : undefined));
    });
    if (over !== undefined) answer(encodeAnswer('failed', role, msgId, over));
  }

  private withinRate(seat: Seat, nowMs: number): boolean {
    const { rateLimit, rateLimitTimeoutMs } = this.limits;
    seat.bucket ??= newBucket(nowMs, rateLimit);
    if (takeToken(seat.bucket, nowMs, rateLimit)) return true;
    // A second without a refusal ends a run of them.
    if (nowMs - seat.overLastMs > 1000) seat.overSinceMs = nowMs;
    seat.overLastMs = nowMs;
    if (nowMs - seat.overSinceMs >= rateLimitTimeoutMs)
      this.close(seat, relayRefusals.floods, 'gateway.rate_limit');
    return false;
  }

  /** Says no in a frame, and ends the connection. */
  private refuse(seat: Seat, refusal: Refusal & { close: number }, detail?: string): void {
    seat.peer.send(encodeRefusal(refusal, undefined, detail));
    this.close(seat, refusal, detail);
  }

  private close(seat: Seat, refusal: Refusal & { close: number }, detail?: string): void {
    const { id, key } = seat;
    this.ports.report('info', 'closing', { id, key: key.name, code: refusal.close, detail });
    seat.peer.close(refusal.close, detail ?? refusal.message);
  }

  private tooSlow(recipient: Recipient, bound: string): void {
    this.close(recipient as Seat, relayRefusals.tooSlow, detailSlow(bound));
  }

  private sweepLater(): void {
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      const nowMs = this.ports.clock.now();
      for (const seat of this.seats) this.sweep(seat, nowMs);
      this.sweepLater();
    });
  }

  /** Every deadline of a connection, by one timer for all. */
  private sweep(seat: Seat, nowMs: number): void {
    const { limits } = this;
    const { seenMs, pingedMs } = seat;
    if (seat.state === 'new' && nowMs - seat.openedMs >= limits.handshakeTimeoutMs) {
      this.refuse(seat, relayRefusals.handshakeTimeout, 'gateway.handshake_timeout');
    } else if (nowMs - seenMs >= limits.readDeadlineMs) {
      seat.peer.terminate();
    } else {
      if (nowMs - pingedMs >= limits.pingIntervalMs) this.side(seat).ping(seat);
      if (seat.behindSinceMs === 0) return;
      if (nowMs - seat.behindSinceMs >= limits.slowTimeoutMs)
        this.tooSlow(seat, 'gateway.slow_timeout');
      else this.side(seat).measure(seat);
    }
  }

  /** The time in RFC 3339; one text for all messages of a millisecond. */
  private time(nowMs: number): string {
    if (nowMs !== this.stampMs) {
      this.stampMs = nowMs;
      this.stampText = new Date(nowMs).toISOString();
    }
    return this.stampText;
  }
}

function answerRefusal(answers: Answers, refusal: Refusal, msgId?: string, detail?: string): void {
  answers.now(encodeRefusal(refusal, msgId, detail));
}

const everyChannel = () => true;
