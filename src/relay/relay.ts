import type { Refusal } from '../refusal.ts';
import { Answers } from '../sockets/answers.ts';
import type { Cancel, Peer } from '../sockets/ports.ts';
import { lacksChannel, queueAndAnswer, refuseMessage, whyNot } from './acknowledge.ts';
import { RelayCounts } from './counts.ts';
import { Delivery } from '../delivery/delivery.ts';
import type { Recipient } from '../delivery/lane.ts';
import {
  encodeAnswer,
  encodeDelivery,
  encodeRefusal,
  Fault,
  type Handshake,
  type Message,
  relayRefusals,
  restamped,
} from './messages.ts';
import { type BotHandshake, OneBot } from './one-bot.ts';
import { isFlood, overBound } from './pace.ts';
import { putAway } from '../delivery/put-away.ts';
import { Rings } from '../delivery/rings.ts';
import { Tallies } from '../delivery/tallies.ts';
import { ringLimits } from './ring-limits.ts';
import { newSeat, type RelayKey, type RelayLimits, type RelayPorts, type Seat } from './seat.ts';
import { Times } from '../delivery/times.ts';

/**
 * The relay (docs/protocol.md, "Relay"): mods and one bot exchange chat by channel. Knows no
 * sockets and no time of its own; all calls are synchronous, so frames keep their order.
 */
export class Relay {
  private readonly seats = new Set<Seat>();
  readonly rings: Rings;
  readonly toMods: Delivery;
  readonly toBot: Delivery;
  readonly oneBot: OneBot;
  readonly counts = new RelayCounts();
  /** Of channels with a mod, or with a message that waits or is not confirmed. */
  readonly tallies = new Tallies();
  private draining = false;
  private readonly times = new Times();
  private readonly sweepMs: number;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: RelayPorts,
    private readonly limits: RelayLimits,
  ) {
    const { clock, topics, store } = ports;
    this.rings = new Rings(store.rings, clock, ringLimits(limits), {
      emptied: (ring) => {
        this.toMods.emptied(ring);
        this.toBot.emptied(ring);
      },
    });
    const shared = {
      clock,
      topics,
      rings: this.rings,
      restamp: (text: string) => restamped(text, this.times.text(clock.now())),
      tooSlow: (recipient: Recipient) => this.tooSlow(recipient, 'gateway.too_slow_bytes'),
      report: (event: string, fields: object) => ports.report('warn', event, fields),
    };
    const deliveryLimits = { ...limits, unreceiptedMax: limits.unreceiptedBytesMax };
    const { tallies } = this;
    this.toMods = new Delivery(shared, deliveryLimits, { ringPrefix: 'relay/mods/', tallies });
    const botNames = { ringPrefix: 'relay/bot/', topic: 'relay/bot', tallies };
    this.toBot = new Delivery(shared, deliveryLimits, botNames);
    this.oneBot = new OneBot(
      {
        clock,
        ping: (seat) => this.toBot.ping(seat),
        seat: (seat, handshake) => this.seatBot(seat, handshake),
        frame: (seat, text) => this.frame(seat, text),
        turnAway: (seat) => this.refuse(seat, relayRefusals.botConnected),
        flooded: (seat, bound) => this.refuse(seat, relayRefusals.floods, bound),
      },
      limits,
    );
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
    const seat = newSeat(peer, key, this.ports.clock.now());
    this.seats.add(seat);
    return seat;
  }

  /** A frame; undefined for a binary one. */
  frame(seat: Seat, text: string | undefined): void {
    if (this.draining || seat.state === 'closed') return;
    const nowMs = this.ports.clock.now();
    seat.seenMs = nowMs;
    if (seat.state === 'open') {
      this.oneBot.lives(seat);
      this.message(seat, text, nowMs);
    } else if (seat.state === 'waiting') {
      this.oneBot.keep(text);
    } else {
      this.shakeHands(seat, text);
    }
  }

  pong(seat: Seat, payload: string): void {
    if (seat.state === 'closed') return;
    seat.seenMs = this.ports.clock.now();
    this.oneBot.lives(seat);
    if (seat.role !== undefined) this.side(seat).pong(seat, payload);
  }

  /** The socket's buffer went down. */
  drained(seat: Seat): void {
    if (seat.role !== undefined) this.side(seat).pressure.measure(seat);
  }

  /** The connection ended, by either side. */
  closed(seat: Seat, code: number): void {
    if (seat.state === 'closed') return;
    const { role, id, channel } = seat;
    seat.state = 'closed';
    seat.closed = true;
    this.seats.delete(seat);
    if (role === 'mod') this.counts.mods -= 1;
    if (role !== undefined) {
      this.side(seat).leave(seat);
      this.ports.report('info', `${role}_left`, { id, channel, key: seat.key.name, code });
    }
    this.oneBot.left(seat);
  }

  /**
   * Ends the relay within `budgetMs`: takes no more frames, finishes what is being committed, asks
   * for receipts and waits up to a second for them, puts away what has none, closes with 1001.
   */
  async drain(budgetMs: number): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    this.oneBot.stop();
    const { clock, report } = this.ports;
    const sides = [this.toMods, this.toBot];
    const lost = await putAway({ sides, rings: this.rings, clock }, budgetMs);
    if (lost > 0) report('error', 'lost', { count: lost });
    for (const seat of [...this.seats]) this.close(seat, relayRefusals.goingAway);
    this.stopSweeping();
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
        return this.refuse(seat, relayRefusals.handshakeForbidden, lacksChannel);
      this.seatMod(seat, hello);
    } else {
      this.oneBot.arrive(seat, hello);
    }
  }

  private seatMod(seat: Seat, { serverId, channelId }: Handshake & { type: 'mod' }): void {
    this.counts.mods += 1;
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

  private seatBot(seat: Seat, { botId }: BotHandshake): void {
    seat.role = 'bot';
    seat.id = botId;
    this.welcome(seat);
    this.toBot.joinEverywhere(seat, seat.key.allows ?? everyChannel);
  }

  private welcome(seat: Seat): void {
    const { role, id, channel } = seat;
    seat.state = 'open';
    // Pings so far had the other direction's numbers: their pongs are no receipts.
    seat.pingsOut = undefined;
    seat.peer.send(`{"status":"connected","type":"${role}"}`);
    this.ports.report('info', `${role}_joined`, { id, channel, key: seat.key.name });
  }

  private message(seat: Seat, text: string | undefined, nowMs: number): void {
    const { frames } = this.ports;
    const message =
      text === undefined
        ? new Fault('binary')
        : seat.role === 'mod'
          ? frames.modMessage(text)
          : frames.botMessage(text);
    const answers = (seat.answers ??= new Answers(seat.peer, this.ports.clock));
    this.side(seat).pressure.sent(seat, answerChars);
    const bound = overBound(seat, answers, nowMs, this.limits);
    const no =
      bound === undefined
        ? whyNot(seat, message)
        : { refusal: relayRefusals.tooManyMessages, detail: bound };
    if (no === undefined) return this.forward(seat, answers, message as Message, nowMs);
    this.counts.refuse(no.refusal);
    refuseMessage(answers, no, message.msgId);
    if (bound === undefined || !isFlood(seat, answers, nowMs, this.limits)) return;
    this.counts.refuse(relayRefusals.floods);
    this.close(seat, relayRefusals.floods, bound);
  }

  private forward(seat: Seat, answers: Answers, message: Message, nowMs: number): void {
    const { msgId } = message;
    const role = seat.role!;
    const to = role === 'mod' ? this.toBot : this.toMods;
    const lane = to.lane(message.channelId);
    lane.tally!.messages += 1;
    lane.tally!.lastMs = nowMs;
    const text = encodeDelivery(role, message, this.times.text(nowMs));
    if (to.publish(lane, text, seat.key.name)) answers.now(encodeAnswer('completed', role, msgId));
    else queueAndAnswer(to, lane, text, seat, answers, msgId);
  }

  /** Says no in a frame, and ends the connection. */
  private refuse(seat: Seat, refusal: Refusal & { close: number }, detail?: string): void {
    this.counts.refuse(refusal);
    seat.peer.send(encodeRefusal(refusal, undefined, detail));
    this.close(seat, refusal, detail);
  }

  private close(seat: Seat, refusal: Refusal & { close: number }, detail?: string): void {
    const { id, key } = seat;
    this.ports.report('info', 'closing', { id, key: key.name, code: refusal.close, detail });
    seat.peer.close(refusal.close, detail ?? refusal.message);
  }

  private tooSlow(recipient: Recipient, bound: string): void {
    this.counts.closedSlow += 1;
    this.close(recipient as Seat, relayRefusals.tooSlow, `too slow (${bound})`);
  }

  private sweepLater(): void {
    this.times.set(this.ports.clock);
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      this.sweepLater();
      const nowMs = this.ports.clock.now();
      for (const seat of this.seats) this.sweep(seat, nowMs);
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
      else this.side(seat).pressure.measure(seat);
    }
  }
}

/** About the length of an answer, for the account of what a sender has not read. */
const answerChars = 64;
const everyChannel = () => true;
