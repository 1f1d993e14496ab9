import { Times } from '../delivery/times.ts';
import type { Cancel } from '../sockets/ports.ts';
import { Channels } from './channels.ts';
import { Direct } from './direct.ts';
import { Figures } from './figures.ts';
import { type FileFrame, readFileFrame } from './file-frames.ts';
import { timePong } from './latency.ts';
import { Linking } from './linking.ts';
import {
  encodeAuthenticated,
  encodeBroadcast,
  encodeMessage,
  encodePong,
  encodeWelcome,
  Fault,
  type PlayerFrame,
} from './messages.ts';
import { answerChars, paceOf } from './pace.ts';
import { Presence } from './presence.ts';
import type { PlayersLimits, PlayersPorts } from './ports.ts';
import { Refusing } from './refusing.ts';
import { newSeat, type PlayerPeer, type PlayerSeat } from './seat.ts';
import { Strangers } from './strangers.ts';
import { Upkeep } from './upkeep.ts';

type Auth = Extract<PlayerFrame, { type: 'session_auth' }>;

/** Players (docs/protocol-players.md): who is there, links between them, what they say. */
export class Players {
  private readonly seats = new Set<PlayerSeat>();
  readonly strangers = new Strangers();
  readonly figures = new Figures();
  private readonly graces = new Map<string, Cancel>();
  readonly presence: Presence;
  readonly linking: Linking;
  readonly direct: Direct;
  private readonly channels: Channels;
  private readonly refusing: Refusing;
  private readonly upkeep: Upkeep;
  private readonly times = new Times();
  private isDraining = false;

  constructor(
    private readonly ports: PlayersPorts,
    private readonly limits: PlayersLimits,
  ) {
    const { clock, topics, store } = ports;
    const { figures, seats } = this;
    this.refusing = new Refusing({ ...ports, figures });
    this.presence = new Presence({ clock, topics }, limits.changesPace);
    this.linking = new Linking(
      {
        seatOf: (userId) => this.presence.seatOf(userId),
        refuse: (seat, name, detail) => this.refusing.error(seat, name, detail),
        sent: (seat, chars) => this.direct.delivery.pressure.sent(seat, chars),
      },
      limits,
    );
    this.channels = new Channels(figures, limits.channelsMax, {
      everyChars: limits.slowBytes / 4,
      at: (seat) => this.direct.delivery.pressure.lookAt(seat),
    });
    this.direct = new Direct(
      {
        clock,
        topics,
        rings: store.rings,
        figures,
        isOnline: (userId) => this.presence.seatOf(userId) !== undefined,
        tooSlow: (recipient) =>
          this.refusing.tooSlow(recipient as PlayerSeat, 'players.too_slow_bytes'),
        report: (event, fields) => ports.report('warn', event, fields),
      },
      limits,
    );
    const { delivery } = this.direct;
    this.upkeep = new Upkeep(
      {
        clock,
        seats,
        refusing: this.refusing,
        ping: (seat) => delivery.ping(seat),
        measure: (seat) => delivery.pressure.measure(seat),
        begins: () => this.times.set(clock),
      },
      limits,
    );
  }

  /** Takes over what an earlier run left in the store. Call before the first connection. */
  async begin(): Promise<void> {
    await this.direct.begin();
    await this.ports.transfers.begin();
    this.upkeep.begin();
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
    if (pace === 'flood') this.refusing.close(seat, 'floods');
    else if (pace === 'tooFast') this.refusing.error(seat, 'tooManyMessages');
    else if (frame instanceof Fault) this.refusing.error(seat, 'badMessage', frame.detail);
    else if (frame.type === 'session_auth') this.authenticate(seat, frame);
    else if (seat.state === 'new')
      this.refusing.error(seat, 'badMessage', 'type: session_auth comes first');
    else this.act(seat, frame);
  }

  /** A binary frame: bytes of a file. */
  bytes(seat: PlayerSeat, bytes: Uint8Array): void {
    if (this.isDraining || seat.state === 'closed') return;
    seat.seenMs = this.ports.clock.now();
    this.direct.delivery.pressure.sent(seat, answerChars);
    // An answer is far longer than an empty frame, and nothing of it is read in the same turn.
    if (seat.burst > this.limits.tooSlowBytes)
      return this.refusing.tooSlow(seat, 'players.too_slow_bytes');
    if (seat.state === 'open') return this.ports.transfers.bytes(seat, bytes);
    seat.burst += answerChars;
    this.refusing.error(seat, 'badMessage', 'type: session_auth comes first');
  }

  pong(seat: PlayerSeat, payload: string): void {
    seat.seenMs = this.ports.clock.now();
    if (seat.state !== 'open') return;
    this.direct.delivery.pong(seat, payload);
    timePong(seat, this.ports.clock);
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
    this.ports.report('info', 'player_left', { userId, code });
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
    for (const seat of [...this.seats]) this.refusing.close(seat, 'goingAway');
    for (const cancel of this.graces.values()) cancel();
    this.upkeep.end();
  }

  /** An operator ends a user's connection. False: it has none. */
  disconnect(userId: string): boolean {
    const seat = this.presence.seatOf(userId);
    if (seat !== undefined) this.refusing.close(seat, 'disconnected');
    return seat !== undefined;
  }

  /** An operator says something to everybody who is online. How many that are. */
  broadcast(message: string): number {
    this.presence.broadcast(encodeBroadcast(message, this.now()));
    return this.presence.size;
  }

  private authenticate(seat: PlayerSeat, { token, userId, userName, protocol = 1 }: Auth): void {
    if (seat.state === 'open')
      return this.refusing.error(seat, 'badMessage', 'type: session_auth came already');
    const session = this.ports.enter(token, () => this.refusing.close(seat, 'loggedOut'));
    if (session === undefined || (userId !== undefined && userId !== session.userId)) {
      session?.leave();
      return this.refusing.auth(seat, 'badToken');
    }
    const older = this.presence.seatOf(session.userId);
    if (older === undefined && this.presence.size >= this.limits.playersMax) {
      session.leave();
      return this.refusing.auth(seat, 'serverFull');
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
    if (older !== undefined) this.refusing.close(older, 'replaced');
    this.channels.connected(seat);
    this.direct.delivery.join(seat, userId);
    this.ports.transfers.joined(seat);
    this.ports.report('info', 'player_joined', { userId, userName, protocol: seat.protocol });
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
        if (!this.channels.join(seat, frame.channel)) this.refusing.error(seat, 'tooManyChannels');
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
    if (frame instanceof Fault) this.refusing.error(seat, 'badMessage', frame.detail);
    else this.ports.transfers.frame(seat, frame);
  }

  /** A list is far longer than its request: of one turn only so many are answered. */
  private list(seat: PlayerSeat): void {
    if (seat.burst > this.limits.slowBytes) return this.refusing.error(seat, 'tooManyMessages');
    const text = this.presence.list();
    seat.peer.send(text);
    seat.burst += text.length;
    this.direct.delivery.pressure.lookAt(seat);
  }

  private message(seat: PlayerSeat, frame: Extract<PlayerFrame, { type: 'message' }>): void {
    const { msg_id: msgId = this.ports.newId(), channel, targetUserId, data } = frame;
    const text = encodeMessage(seat.userId, data, msgId, this.now());
    this.figures.messages[channel === undefined ? 'user' : 'channel'] += 1;
    if (channel === undefined) this.direct.send(seat, targetUserId!, text, msgId);
    else this.channels.send(seat, channel, text, msgId);
  }

  /** The user has been gone for too long: links and places in channels end. */
  private forget(userId: string): void {
    this.graces.delete(userId);
    this.linking.forget(userId);
    this.channels.forget(userId);
  }

  private now(): string {
    return this.times.text(this.ports.clock.now());
  }
}
