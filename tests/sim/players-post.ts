import { addressOf } from './players-acts.ts';
import { crowd, type Crowded, isPushedOut } from './crowding.ts';
import type { SimPlayer } from './players-client.ts';

/** A message from user to user, as an observer with perfect knowledge sees it. */
interface Seen extends Crowded {
  id: string;
  from: string;
  target: string;
  data: string;
  ts: string;
  /** Its place among the messages for its target, as the server took them. */
  index: number;
  /** Its target's connection when it was taken. */
  there: SimPlayer | undefined;
  received: boolean;
  /** A crash may have taken it: only memory had it. */
  mayBeLost: boolean;
  /** A crash or a stop may have taken the knowledge of its receipt. */
  mayRepeat: boolean;
  wasSent: boolean;
  /** In which run of the program it was taken. */
  run: number;
  /** For how many users its sender, and its address, had messages that may have waited. */
  waiting: { ofSender: number; ofAddress: number };
}

export interface PostRules {
  queueMax: number;
  awayRings: number;
  /** Counted anew by each run. */
  addressAwayRings: number;
  /** Nobody is slow or silent, nothing stops: what comes for those who are there arrives at once. */
  isCalm: boolean;
}

/** Holds the core to the delivery promise for messages from user to user. */
export class PostObserver {
  private readonly seen = new Map<string, Seen>();
  private readonly lanes = new Map<string, Seen[]>();
  private run = 0;
  /** Who said something to whom in this run. */
  private said = new Set<string>();

  constructor(
    private readonly rules: PostRules,
    private readonly broke: (promise: string) => void,
  ) {}

  /** The server is about to take a message. */
  taken(said: Pick<Seen, 'id' | 'from' | 'target' | 'data' | 'ts' | 'there'>): void {
    const lane = this.lane(said.target);
    const message: Seen = {
      ...said,
      index: lane.length,
      answer: undefined,
      receipted: false,
      received: false,
      crowds: [],
      mayBeLost: false,
      mayRepeat: false,
      wasSent: false,
      run: this.run,
      waiting: { ofSender: 0, ofAddress: 0 },
    };
    message.waiting = this.targets(
      message,
      (one) => one.answer !== 'failed' && (!one.receipted || one.mayRepeat) && one !== message,
      // What waited before counts for an address from which its sender has said more.
      (one) => this.said.has(`${one.from} ${one.target}`),
    );
    this.seen.set(said.id, message);
    this.said.add(`${said.from} ${said.target}`);
    lane.push(message);
    crowd(lane, this.rules.queueMax);
  }

  /** A player is let in: what came before is a repeat, or has waited. */
  joined(player: SimPlayer): void {
    player.joinedAt = this.lane(player.userId).length;
  }

  /** The server sends a message to a socket. */
  sent(player: SimPlayer, frame: Record<string, any>): void {
    const message = this.seen.get(frame.msg_id);
    const say = (what: string) => this.broke(`${player.name}: ${frame.msg_id} ${what}`);
    if (message === undefined) return say('was made up');
    const { index, target, from, data, ts } = message;
    if (!player.isIn || target !== player.userId) say('goes to another user');
    if (frame.fromUserId !== from || frame.ts !== ts || JSON.stringify(frame.data) !== data)
      say('is not what was said');
    if (message.answer === 'failed') say('arrives after it failed');
    if (index <= player.highest) say(`(${index}) comes after ${player.highest}`);
    player.highest = Math.max(player.highest, index);
    if (message.receipted && !message.mayRepeat) say('comes again, though received');
    message.wasSent = true;
    player.wire.sent.push(frame.msg_id);
  }

  read(player: SimPlayer, id: string): void {
    const message = this.seen.get(id);
    if (message === undefined) return;
    message.received = true;
    player.wire.received.add(id);
  }

  acked(player: SimPlayer, id: string, status: string, detail: string | undefined): void {
    const message = this.seen.get(id)!;
    const say = (what: string) => this.broke(`${id} of ${player.name} ${what}`);
    if (message.answer !== undefined) say('is answered twice');
    message.answer = status;
    if (status === 'failed' && message.wasSent) say('failed, yet it was sent');
    if (status === 'completed' && !message.wasSent) say('is completed, yet nobody was sent it');
    const { awayRings, addressAwayRings } = this.rules;
    const { ofSender, ofAddress } = message.waiting;
    if (detail?.startsWith('players.away_rings') && message.there)
      say('is refused as for one who is away');
    if (detail === 'players.away_rings_per_sender' && ofSender < awayRings)
      say('is refused, though its sender fills fewer rings');
    if (detail === 'players.away_rings_per_address' && ofAddress < addressAwayRings)
      say('is refused, though its address fills fewer rings');
    if (status !== 'queued' || message.there) return;
    const filled = this.targets(
      message,
      (one) => !one.there && one.answer === 'queued' && !one.receipted && !this.isPushedOut(one),
      (one) => one.run === this.run,
    );
    if (filled.ofSender > awayRings) say('is in a ring too many');
    if (filled.ofAddress > addressAwayRings) say('is in a ring too many for its address');
  }

  /** A pong reached the server. */
  pong(player: SimPlayer, payload: string): void {
    const { wire } = player;
    const mark = wire.pingMarks.get(payload);
    if (mark === undefined) return;
    for (const id of wire.sent.slice(wire.receiptedTo, mark)) this.seen.get(id)!.receipted = true;
    wire.receiptedTo = Math.max(wire.receiptedTo, mark);
  }

  crashed(): void {
    this.begin();
    for (const message of this.seen.values()) {
      message.mayRepeat = true;
      if (message.answer !== 'queued') message.mayBeLost = true;
    }
  }

  stopped(): void {
    this.begin();
    for (const message of this.seen.values()) {
      // What was not answered when the stop began is nobody's promise.
      if (message.answer === undefined) message.mayBeLost = true;
      message.mayRepeat ||= !message.receipted;
    }
  }

  /** In calm weather, whoever was there and still is has everything that came meanwhile. */
  judgePresence(): void {
    if (!this.rules.isCalm) return;
    for (const message of this.seen.values()) {
      const { there, id } = message;
      if (isPromised(message) && there?.wire.isOpen && !there.wire.received.has(id))
        this.broke(`${there.name} was there and never got ${id}`);
    }
  }

  /** Everybody has been there, well, for long enough. */
  judge(): void {
    for (const message of this.seen.values()) {
      const { id, answer, received, mayBeLost } = message;
      if (isPromised(message) && !received && !mayBeLost && !this.isPushedOut(message))
        this.broke(`${id}, ${answer}, is lost`);
    }
  }

  private begin(): void {
    this.run += 1;
    this.said = new Set();
  }

  /**
   * For how many users the sender of a message has messages that are `wanted`, and its address such
   * that count for it.
   */
  private targets(
    { from }: Seen,
    wanted: (one: Seen) => boolean,
    countsForAddress: (one: Seen) => boolean,
  ): Seen['waiting'] {
    const ofSender = new Set<string>();
    const ofAddress = new Set<string>();
    for (const one of this.seen.values()) {
      const isOfAddress = addressOf(one.from) === addressOf(from) && countsForAddress(one);
      if ((one.from !== from && !isOfAddress) || !wanted(one)) continue;
      if (one.from === from) ofSender.add(one.target);
      if (isOfAddress) ofAddress.add(one.target);
    }
    return { ofSender: ofSender.size, ofAddress: ofAddress.size };
  }

  private isPushedOut(message: Seen): boolean {
    return isPushedOut(message, this.rules.queueMax);
  }

  private lane(target: string): Seen[] {
    const lane = this.lanes.get(target) ?? [];
    this.lanes.set(target, lane);
    return lane;
  }
}

function isPromised({ answer }: Seen): boolean {
  return answer === 'queued' || answer === 'completed';
}
