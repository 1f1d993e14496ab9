import { takeToken } from '../access/rate-limit.ts';
import type { Recipient } from '../delivery/lane.ts';
import { Times } from '../delivery/times.ts';
import type { Refusal } from '../refusal.ts';
import type { Cancel } from '../sockets/ports.ts';
import { Channels } from './channels.ts';
import { Direct } from './direct.ts';
import { Linking } from './linking.ts';
import {
  encodeAck,
  encodeAuthenticated,
  encodeError,
  encodeMessage,
  encodePong,
  encodeRefusedAuth,
  encodeWelcome,
  Fault,
  type PlayerFrame,
  playerRefusals,
} from './messages.ts';
import { Presence } from './presence.ts';
import type { PlayersLimits, PlayersPorts } from './ports.ts';
import { newSeat, type PlayerPeer, type PlayerSeat } from './seat.ts';
import { Strangers } from './strangers.ts';

type Auth = Extract<PlayerFrame, { type: 'session_auth' }>;

/** Players (docs/protocol-players.md): who is there, links between them, what they say. */
export class Players {
  private readonly seats = new Set<PlayerSeat>();
  readonly strangers = new Strangers();
  private readonly graces = new Map<string, Cancel>();
  readonly presence: Presence;
  private readonly linking: Linking;
  private readonly channels: Channels;
  private readonly direct: Direct;
  private readonly times = new Times();
  private readonly sweepMs: number;
  private isDraining = false;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: PlayersPorts,
    private readonly limits: PlayersLimits,
  ) {
    const { clock, topics, store } = ports;
    this.presence = new Presence({ clock, topics });
    this.linking = new Linking(
      {
        seatOf: (userId) => this.presence.seatOf(userId),
        refuse: (seat, refusal, detail) => this.error(seat, refusal, detail),
      },
      limits.linksMax,
    );
    this.channels = new Channels(limits.channelsMax);
    this.direct = new Direct(
      {
        clock,
        topics,
        rings: store.rings,
        isOnline: (userId) => this.presence.seatOf(userId) !== undefined,
        tooSlow: (recipient) => this.tooSlow(recipient, 'players.too_slow_bytes'),
        report: (event, fields) => ports.report('warn', event, fields),
      },
      limits,
    );
    const { handshakeTimeoutMs, pingIntervalMs, readDeadlineMs, slowTimeoutMs } = limits;
    const shortest = Math.min(handshakeTimeoutMs, pingIntervalMs, readDeadlineMs, slowTimeoutMs);
    this.sweepMs = Math.max(10, Math.min(1000, shortest / 4));
  }

  /** Takes over what an earlier run left in the store. Call before the first connection. */
  async begin(): Promise<void> {
    await this.direct.begin();
    this.sweepLater();
  }

  open(peer: PlayerPeer, address: string): PlayerSeat {
    const seat = newSeat(peer, address, this.ports.clock, this.limits.rateLimit);
    this.seats.add(seat);
    this.strangers.add(address);
    return seat;
  }

  /** A text frame, but for those of files. */
  frame(seat: PlayerSeat, text: string): void {
    if (this.isDraining || seat.state === 'closed') return;
    const nowMs = this.ports.clock.now();
    seat.seenMs = nowMs;
    const frame = this.ports.frames.read(text);
    const { waiting } = seat.answers;
    const { unacknowledgedMax, rateLimit } = this.limits;
    if (waiting > 4 * unacknowledgedMax) this.close(seat, playerRefusals.floods);
    else if (waiting >= unacknowledgedMax || !takeToken(seat.bucket, nowMs, rateLimit))
      this.error(seat, playerRefusals.tooManyMessages);
    else if (frame instanceof Fault) this.error(seat, playerRefusals.badMessage, frame.detail);
    else if (frame.type === 'session_auth') this.authenticate(seat, frame);
    else if (seat.state === 'new')
      this.error(seat, playerRefusals.badMessage, 'type: session_auth comes first');
    else this.act(seat, frame);
  }

  /** A binary frame. */
  bytes(seat: PlayerSeat, _bytes: Uint8Array): void {
    seat.seenMs = this.ports.clock.now();
    this.error(seat, playerRefusals.badMessage, 'binary');
  }

  pong(seat: PlayerSeat, payload: string): void {
    seat.seenMs = this.ports.clock.now();
    if (seat.state === 'open') this.direct.delivery.pong(seat, payload);
  }

  /** The socket's buffer went down. */
  drained(seat: PlayerSeat): void {
    if (seat.state === 'open') this.direct.delivery.pressure.measure(seat);
  }

  /** The connection ended, by either side. */
  closed(seat: PlayerSeat, code: number): void {
    if (seat.state === 'closed') return;
    const wasOpen = seat.state === 'open';
    seat.state = 'closed';
    seat.closed = true;
    this.seats.delete(seat);
    if (!wasOpen) return this.strangers.remove(seat.address);
    const { userId } = seat;
    this.direct.delivery.leave(seat);
    this.channels.disconnected(seat);
    seat.session?.leave();
    this.ports.report('info', 'player_left', { code });
    if (!this.presence.leave(seat)) return;
    const { clock } = this.ports;
    this.graces.set(
      userId,
      clock.after(this.limits.reconnectGraceMs, () => this.forget(userId)),
    );
  }

  /** Ends within `budgetMs`, losing nothing that was acknowledged. */
  async drain(budgetMs: number): Promise<void> {
    if (this.isDraining) return;
    this.isDraining = true;
    const lost = await this.direct.putAway(budgetMs);
    if (lost > 0) this.ports.report('error', 'lost', { count: lost });
    for (const seat of [...this.seats]) this.close(seat, playerRefusals.goingAway);
    for (const cancel of this.graces.values()) cancel();
    this.presence.end();
    this.stopSweeping();
  }

  private authenticate(seat: PlayerSeat, { token, userId, userName, protocol = 1 }: Auth): void {
    if (seat.state === 'open')
      return this.error(seat, playerRefusals.badMessage, 'type: session_auth came already');
    const session = this.ports.enter(token, () => this.close(seat, playerRefusals.loggedOut));
    if (session === undefined || (userId !== undefined && userId !== session.userId)) {
      session?.leave();
      return this.refuseAuth(seat, playerRefusals.badToken);
    }
    const older = this.presence.seatOf(session.userId);
    if (older === undefined && this.presence.size >= this.limits.playersMax) {
      session.leave();
      return this.refuseAuth(seat, playerRefusals.serverFull);
    }
    seat.userId = session.userId;
    seat.protocol = protocol;
    seat.state = 'open';
    seat.session = session;
    this.strangers.remove(seat.address);
    this.welcome(seat, userName, older);
  }

  private welcome(
    seat: PlayerSeat,
    userName: string | undefined,
    older: PlayerSeat | undefined,
  ): void {
    const { userId, peer } = seat;
    this.graces.get(userId)?.();
    this.graces.delete(userId);
    peer.send(encodeAuthenticated(userId));
    peer.send(encodeWelcome(this.ports.instanceName));
    this.presence.enter(seat, userName);
    // The older one ends first, so that what it never received is flushed before anything live.
    if (older !== undefined) this.close(older, playerRefusals.replaced);
    this.channels.connected(seat);
    this.direct.delivery.join(seat, userId);
    this.ports.report('info', 'player_joined', { protocol: seat.protocol });
  }

  private act(seat: PlayerSeat, frame: Exclude<PlayerFrame, Auth>): void {
    const { peer, userId } = seat;
    switch (frame.type) {
      case 'list_online':
        return void peer.send(this.presence.list());
      case 'connect':
        return this.linking.connect(seat, frame.targetUserId);
      case 'connect_accept':
      case 'connect_reject':
        return this.linking.answer(seat, frame.targetUserId, frame.type === 'connect_accept');
      case 'disconnect':
        return this.linking.unlink(userId);
      case 'join':
        if (!this.channels.join(seat, frame.channel))
          this.error(seat, playerRefusals.tooManyChannels);
        return;
      case 'leave':
        return this.channels.leave(seat, frame.channel);
      case 'ping':
        return void peer.send(encodePong(this.now()));
      case 'message':
        return this.message(seat, frame);
    }
  }

  private message(seat: PlayerSeat, frame: Extract<PlayerFrame, { type: 'message' }>): void {
    const { msg_id: msgId = this.ports.newId(), channel, targetUserId, data } = frame;
    const text = encodeMessage(seat.userId, data, msgId, this.now());
    if (channel === undefined) return this.direct.send(seat, targetUserId!, text, msgId);
    const isSent = this.channels.publish(seat, channel, text);
    seat.answers.now(
      encodeAck(msgId, isSent ? 'completed' : 'failed', isSent ? undefined : 'nobody is there'),
    );
  }

  /** The user has been gone for too long: links and places in channels end. */
  private forget(userId: string): void {
    this.graces.delete(userId);
    this.linking.unlink(userId);
    this.channels.forget(userId);
  }

  private error(seat: PlayerSeat, refusal: Refusal, detail?: string): void {
    seat.answers.now(encodeError(refusal, detail));
  }

  private refuseAuth(seat: PlayerSeat, refusal: Refusal & { close: number }): void {
    seat.peer.send(encodeRefusedAuth(refusal.message));
    this.close(seat, refusal);
  }

  private close(seat: PlayerSeat, refusal: Refusal & { close: number }, detail?: string): void {
    this.ports.report('info', 'closing', { code: refusal.close, detail });
    seat.peer.close(refusal.close, detail ?? refusal.message);
  }

  private tooSlow(recipient: Recipient, bound: string): void {
    this.close(recipient as PlayerSeat, playerRefusals.tooSlow, `too slow (${bound})`);
  }

  private now(): string {
    return this.times.text(this.ports.clock.now());
  }

  private sweepLater(): void {
    this.times.set(this.ports.clock);
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      this.sweepLater();
      const nowMs = this.ports.clock.now();
      for (const seat of [...this.seats]) this.sweep(seat, nowMs);
    });
  }

  /** Every deadline of a connection, by one timer for all. */
  private sweep(seat: PlayerSeat, nowMs: number): void {
    const { limits, direct } = this;
    const { behindSinceMs } = seat;
    if (seat.state === 'new' && nowMs - seat.openedMs >= limits.handshakeTimeoutMs)
      this.refuseAuth(seat, playerRefusals.handshakeTimeout);
    else if (nowMs - seat.seenMs >= limits.readDeadlineMs) seat.peer.terminate();
    else if (behindSinceMs !== 0 && nowMs - behindSinceMs >= limits.slowTimeoutMs)
      this.tooSlow(seat, 'players.slow_timeout');
    else {
      if (nowMs - seat.pingedMs >= limits.pingIntervalMs) direct.delivery.ping(seat);
      // Lists and files fill a socket too, and nobody else looks at that.
      direct.delivery.pressure.measure(seat);
    }
  }
}
