import type { Recipient } from '../delivery/lane.ts';
import { Times } from '../delivery/times.ts';
import type { Refusal } from '../refusal.ts';
import type { Cancel } from '../sockets/ports.ts';
import { Channels } from './channels.ts';
import { Direct } from './direct.ts';
import { type FileFrame, readFileFrame } from './file-frames.ts';
import { Linking } from './linking.ts';
import {
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
import { answerChars, overdue, paceOf, sweepIntervalMs } from './pace.ts';
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
    this.channels = new Channels(limits.channelsMax, {
      everyChars: limits.slowBytes / 4,
      at: (seat) => this.direct.delivery.pressure.lookAt(seat),
    });
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
  }

  /** Takes over what an earlier run left in the store. Call before the first connection. */
  async begin(): Promise<void> {
    await this.direct.begin();
    await this.ports.transfers.begin();
    this.sweepLater();
  }

  open(peer: PlayerPeer, address: string): PlayerSeat {
    const seat = newSeat(peer, address, this.ports.clock, this.limits.rateLimit);
    this.seats.add(seat);
    this.strangers.add(address);
    return seat;
  }

  /** A text frame. */
  frame(seat: PlayerSeat, text: string): void {
    if (this.isDraining || seat.state === 'closed') return;
    const nowMs = this.ports.clock.now();
    seat.seenMs = nowMs;
    this.direct.delivery.pressure.sent(seat, answerChars);
    const frame = this.ports.frames.read(text);
    const pace = paceOf(seat, nowMs, this.limits);
    if (pace === 'flood') this.close(seat, playerRefusals.floods);
    else if (pace === 'tooFast') this.error(seat, playerRefusals.tooManyMessages);
    else if (frame instanceof Fault) this.error(seat, playerRefusals.badMessage, frame.detail);
    else if (frame.type === 'session_auth') this.authenticate(seat, frame);
    else if (seat.state === 'new')
      this.error(seat, playerRefusals.badMessage, 'type: session_auth comes first');
    else this.act(seat, frame);
  }

  /** A binary frame: bytes of a file. */
  bytes(seat: PlayerSeat, bytes: Uint8Array): void {
    if (this.isDraining || seat.state === 'closed') return;
    seat.seenMs = this.ports.clock.now();
    if (seat.state === 'open') this.ports.transfers.bytes(seat, bytes);
    else this.error(seat, playerRefusals.badMessage, 'type: session_auth comes first');
  }

  pong(seat: PlayerSeat, payload: string): void {
    seat.seenMs = this.ports.clock.now();
    if (seat.state === 'open') this.direct.delivery.pong(seat, payload);
  }

  /** The socket's buffer went down. */
  drained(seat: PlayerSeat): void {
    if (seat.state !== 'open') return;
    this.direct.delivery.pressure.measure(seat);
    this.ports.transfers.drained(seat);
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
    this.ports.transfers.left(seat);
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
    const [lost] = await Promise.all([
      this.direct.putAway(budgetMs),
      this.ports.transfers.drain(budgetMs),
    ]);
    if (lost > 0) this.ports.report('error', 'lost', { count: lost });
    // Or those who are closed last would hear of everybody before them.
    this.presence.end();
    for (const seat of [...this.seats]) this.close(seat, playerRefusals.goingAway);
    for (const cancel of this.graces.values()) cancel();
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
    this.linking.returned(seat);
    // The older one ends first, so that what it never received is flushed before anything live.
    if (older !== undefined) this.close(older, playerRefusals.replaced);
    this.channels.connected(seat);
    this.direct.delivery.join(seat, userId);
    this.ports.transfers.joined(seat);
    this.ports.report('info', 'player_joined', { protocol: seat.protocol });
  }

  private act(seat: PlayerSeat, frame: Exclude<PlayerFrame, Auth>): void {
    const { peer, userId } = seat;
    switch (frame.type) {
      case 'list_online':
        return this.list(seat);
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
      case 'file':
        return this.file(seat, readFileFrame(frame.value));
    }
  }

  private file(seat: PlayerSeat, frame: FileFrame | Fault): void {
    if (frame instanceof Fault) this.error(seat, playerRefusals.badMessage, frame.detail);
    else this.ports.transfers.frame(seat, frame);
  }

  /** A list is far longer than its request: of one turn only so many are answered. */
  private list(seat: PlayerSeat): void {
    if (seat.burst > this.limits.slowBytes) return this.error(seat, playerRefusals.tooManyMessages);
    const text = this.presence.list();
    seat.peer.send(text);
    seat.burst += text.length;
    this.direct.delivery.pressure.lookAt(seat);
  }

  private message(seat: PlayerSeat, frame: Extract<PlayerFrame, { type: 'message' }>): void {
    const { msg_id: msgId = this.ports.newId(), channel, targetUserId, data } = frame;
    const text = encodeMessage(seat.userId, data, msgId, this.now());
    if (channel === undefined) this.direct.send(seat, targetUserId!, text, msgId);
    else this.channels.send(seat, channel, text, msgId);
  }

  /** The user has been gone for too long: links and places in channels end. */
  private forget(userId: string): void {
    this.graces.delete(userId);
    this.linking.forget(userId);
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
    this.stopSweeping = this.ports.clock.after(sweepIntervalMs(this.limits), () => {
      this.sweepLater();
      const nowMs = this.ports.clock.now();
      for (const seat of [...this.seats]) this.sweep(seat, nowMs);
    });
  }

  private sweep(seat: PlayerSeat, nowMs: number): void {
    const { delivery } = this.direct;
    const what = overdue(seat, nowMs, this.limits);
    if (what === 'handshake') this.refuseAuth(seat, playerRefusals.handshakeTimeout);
    else if (what === 'silent') seat.peer.terminate();
    else if (what === 'slow') this.tooSlow(seat, 'players.slow_timeout');
    else {
      if (what === 'ping') delivery.ping(seat);
      // Lists and files fill a socket too, and nobody else looks at that.
      delivery.pressure.measure(seat);
    }
  }
}
