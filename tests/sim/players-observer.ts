import { playerRefusals } from '../../src/players/messages.ts';
import type { PlayerSeat } from '../../src/players/seat.ts';
import type { SimClock } from './clock.ts';
import {
  type Awaited,
  difference,
  isBehind,
  type PlayersRules,
  type Said,
  type SimPlayer,
} from './players-client.ts';
import type { PostObserver } from './players-post.ts';
import { LinksModel } from './players-links.ts';
import { PresenceModel } from './players-presence.ts';

/** Deadlines may be seen so late. */
const sweepMs = 1500;
const noTimeText = playerRefusals.handshakeTimeout.message;

/** A second picture of the players, made from what they say alone; the core's must be the same. */
export class PlayersObserver {
  broken: string | undefined;
  /** Connections that are open. */
  readonly players = new Set<SimPlayer>();
  readonly online = new Map<string, { player: SimPlayer; userName: string | undefined }>();
  isDraining = false;
  private readonly links: LinksModel;
  private readonly presence: PresenceModel;
  private channels = new Map<string, Set<string>>();
  /** Users who are gone and not forgotten. */
  private graces = new Map<string, object>();
  private speaking: { player: SimPlayer; said: Said } | undefined;

  constructor(
    private readonly clock: SimClock,
    private readonly rules: PlayersRules,
    private readonly post: () => PostObserver,
  ) {
    this.links = new LinksModel(rules.linksMax, {
      playerOf: (userId) => this.online.get(userId)?.player,
      isKept: (userId) => this.graces.has(userId),
      isBehind: (player) => isBehind(player, rules.slowBytes),
      due: (player, frame) => this.due(player, frame),
      refused: (player, code) => void player.awaited.push({ code }),
    });
    this.presence = new PresenceModel(
      {
        clock,
        online: this.online,
        broke: (promise) => this.broke(promise),
        came: (player) => void player.came.push(this.stamped('list')),
      },
      rules,
    );
  }

  broke(promise: string): void {
    this.broken ??= promise;
  }

  /** The process is gone, and all that only it knew. */
  begin(): void {
    this.players.clear();
    this.online.clear();
    this.links.clear();
    this.channels = new Map();
    this.graces = new Map();
    this.isDraining = false;
    this.presence.begin();
  }

  /** The core is about to take a frame; what must come of it is known before it does. */
  hears(player: SimPlayer, text: string, take: () => void): void {
    if (!this.isDraining) player.seenMs = this.clock.now();
    const said: Said = text.startsWith('{') ? JSON.parse(text) : {};
    this.speaking = { player, said };
    if (!this.isDraining) this.foresee(player, said);
    const isEntering = this.speaking !== undefined && said.type === 'session_auth';
    take();
    this.presence.answered();
    if (isEntering && this.speaking !== undefined && !this.isDraining && player.doom === undefined)
      if (!player.isIn && player.awaited.length === 0) this.broke(`${player.name} is not let try`);
    this.speaking = undefined;
  }

  /** The core asks whose a token is. What follows of the answer? */
  entered(userId: string | undefined): SimPlayer {
    const { player, said } = this.speaking!;
    this.speaking = undefined;
    if (player.isIn) this.broke(`${player.name} is let in twice`);
    const older = userId === undefined ? undefined : this.online.get(userId)?.player;
    const isOther = said.userId !== undefined && said.userId !== userId;
    const isFull = older === undefined && this.online.size >= this.rules.playersMax;
    if (userId === undefined || isOther || isFull) {
      const message =
        userId === undefined || isOther ? 'Invalid session token' : 'Server full, please try later';
      this.due(player, { type: 'session_auth_result', success: false, message });
      player.doom = userId === undefined || isOther ? 4401 : 4503;
      return player;
    }
    Object.assign(player, { isIn: true, userId, protocol: said.protocol ?? 1, token: said.token });
    const success = { success: true, message: 'Authentication successful', userId };
    this.due(player, { type: 'session_auth_result', ...success });
    const where = 'You are connected through instance sim';
    this.due(player, { type: 'connection_info', message: where });
    if (player.protocol === 1) this.due(player, 'list');
    if (older !== undefined) older.doom = 4410;
    this.graces.delete(userId);
    this.online.set(userId, { player, userName: said.userName });
    this.presence.news();
    this.links.returned(player);
    this.post().joined(player);
    return player;
  }

  /** The server's end of a connection is closed. */
  closed(player: SimPlayer, code: number): void {
    const { rules, clock } = this;
    this.players.delete(player);
    const nowMs = clock.now();
    const isSilent = nowMs - player.seenMs >= rules.readDeadlineMs;
    const isOk =
      player.doom !== undefined
        ? code === player.doom
        : (code === 1006 && (isSilent || !player.wire.isPresent)) ||
          (code === 4408 && !player.isIn && this.isLate(player, 0)) ||
          (code === 4508 && (!rules.isCalm || player.joinedAt > 0)) ||
          (code === 1001 && this.isDraining);
    if (!isOk) this.broke(`${player.name} is closed with ${code}`);
    player.doom = undefined;
    if (!player.isIn) return;
    player.isIn = false;
    const { userId } = player;
    if (this.online.get(userId)?.player !== player) return;
    this.online.delete(userId);
    this.presence.news();
    const grace = {};
    this.graces.set(userId, grace);
    clock.after(rules.reconnectGraceMs, () => {
      if (this.graces.get(userId) !== grace) return;
      this.links.end(userId);
      this.links.forget(userId);
      this.graces.delete(userId);
      this.channels.delete(userId);
    });
  }

  /** The core publishes to everybody of a topic. */
  publishes(topic: string, text: string, deliver: () => void): void {
    this.presence.publishes(topic, text, deliver);
  }

  /** The core sends a frame to a socket. */
  sends(player: SimPlayer, text: string): void {
    const frame: Said = JSON.parse(text);
    const { type } = frame;
    const isRefused = type === 'error' || frame.success === false;
    if (!player.isIn && !isRefused) this.broke(`${player.name}, a stranger, is sent ${text}`);
    if (type === 'user_list_update') this.presence.listed(player, frame.users);
    else if (type === 'user_joined' || type === 'user_left') this.presence.changed(player, frame);
    else if (type === 'message_ack' || type === 'error') this.answered(player, frame);
    else if (type === 'message' && frame.msg_id.startsWith('m')) this.post().sent(player, frame);
    else if (frame.message === noTimeText && this.isLate(player, 0)) return;
    else player.came.push(this.stamped(frame));
  }

  /** Once per turn: everybody knows who is online, and what had to end has ended. */
  endOfTurn(): void {
    for (const player of this.players) {
      if (player.doom !== undefined) this.broke(`${player.name} is not closed (${player.doom})`);
      if (player.uses !== (player.isIn ? 1 : 0)) this.broke(`${player.name}: ${player.uses} uses`);
    }
    this.presence.endOfTurn(this.players);
  }

  /** What came is what had to come; now and then is enough. */
  agree(everybody: Iterable<SimPlayer>): void {
    for (const player of everybody) {
      const { name, due, came, wire } = player;
      if (!player.isIn && wire.isOpen && this.isLate(player, sweepMs))
        this.broke(`${name} may stay without saying who it is`);
      if (this.presence.isForgotten(player)) this.broke(`${name} is never told who is online`);
      if (wire.isOpen && due.length !== came.length)
        this.broke(`${name}: ${difference(due, came)}`);
      if (came.some((frame, i) => frame !== due[i]))
        this.broke(`${name}: ${difference(due, came)}`);
      if (player.uses !== (player.isIn ? 1 : 0)) this.broke(`${name} keeps its session`);
    }
  }

  /** Time of day, as the core should write it. */
  get nowText(): string {
    return new Date(this.clock.now()).toISOString();
  }

  private foresee(player: SimPlayer, said: Said): void {
    const { awaited, userId } = player;
    const max = this.rules.unacknowledgedMax;
    if (awaited.length > 4 * max) player.doom = 4429;
    else if (awaited.length >= max) awaited.push({ code: 429 });
    else if (said.type === undefined || player.isIn === (said.type === 'session_auth'))
      awaited.push({ code: 400 });
    else if (said.type === 'list_online') this.asksList(player);
    else if (said.type === 'connect') this.links.connect(player, said.targetUserId);
    else if (said.type === 'connect_accept') this.links.answer(player, said.targetUserId, true);
    else if (said.type === 'connect_reject') this.links.answer(player, said.targetUserId, false);
    else if (said.type === 'disconnect') this.links.end(userId);
    else if (said.type === 'join') this.joins(player, said.channel);
    else if (said.type === 'leave') this.channels.get(userId)?.delete(said.channel);
    else if (said.type === 'ping') this.due(player, { type: 'pong', ts: this.nowText });
    else if (said.type === 'message' && said.channel !== undefined) this.tellsChannel(player, said);
    else if (said.type === 'message') {
      const { msg_id: id, targetUserId: target } = said;
      const there = this.online.get(target)?.player;
      const data = JSON.stringify(said.data);
      this.post().taken({ id, from: userId, target, data, ts: this.nowText, there });
      awaited.push({ msgId: id, statuses: ['completed', 'queued', 'failed'] });
    } else return;
    if (said.type !== 'session_auth') this.speaking = undefined;
  }

  private asksList(player: SimPlayer): void {
    // Of one turn only so many lists; how many is the core's own account.
    const { burst } = player.wire.data.seat as PlayerSeat;
    if (burst > this.rules.slowBytes) player.awaited.push({ code: 429 });
    else {
      this.due(player, 'list');
      this.presence.asks(player);
    }
  }

  private joins(player: SimPlayer, channel: string): void {
    const joined = this.channels.get(player.userId) ?? new Set();
    if (!joined.has(channel) && joined.size >= this.rules.channelsMax)
      return void player.awaited.push({ code: 429 });
    this.channels.set(player.userId, joined.add(channel));
  }

  private tellsChannel(player: SimPlayer, { channel, data, msg_id }: Said): void {
    const others = [...this.online]
      .filter(([userId]) => this.channels.get(userId)?.has(channel))
      .map(([, other]) => other.player)
      .filter((other) => other !== player);
    const frame = { type: 'message', fromUserId: player.userId, data, msg_id, ts: this.nowText };
    for (const other of others) this.due(other, frame);
    player.awaited.push({
      msgId: msg_id,
      statuses: [others.length > 0 ? 'completed' : 'failed'],
    });
  }

  private answered(player: SimPlayer, frame: Said): void {
    const { msg_id: msgId, status, detail, code } = frame;
    const awaited: Awaited = player.awaited.shift() ?? {};
    if (awaited.code !== code || awaited.msgId !== msgId)
      this.broke(`${player.name}: ${JSON.stringify(frame)}, not ${JSON.stringify(awaited)}`);
    else if (status !== undefined && awaited.statuses?.includes(status) !== true)
      this.broke(`${player.name}: ${msgId} is ${status}, not ${awaited.statuses}`);
    else if (msgId?.startsWith('m')) this.post().acked(player, msgId, status, detail);
  }

  private isLate(player: SimPlayer, graceMs: number): boolean {
    return this.clock.now() - player.openedMs >= this.rules.handshakeTimeoutMs + graceMs;
  }

  private due(player: SimPlayer, frame: object | 'list'): void {
    if (player.wire.isOpen) player.due.push(this.stamped(frame));
  }

  private stamped(frame: object | 'list'): string {
    return `${this.clock.now()} ${JSON.stringify(frame)}`;
  }
}
