import type { SimPlayer } from './players-client.ts';

/** A message from user to user, as an observer with perfect knowledge sees it. */
interface Seen {
  id: string;
  from: string;
  target: string;
  data: string;
  ts: string;
  /** Its place among the messages for its target, as the server took them. */
  index: number;
  answer: string | undefined;
  /** Its target's connection when it was taken. */
  there: SimPlayer | undefined;
  /** Some connection's pong confirmed it. */
  receipted: boolean;
  received: boolean;
  /** At one moment the ring's length of newer ones were without receipt. */
  pushedOut: boolean;
  /** A crash may have taken it: only memory had it. */
  mayBeLost: boolean;
  /** A crash or a stop may have taken the knowledge of its receipt. */
  mayRepeat: boolean;
  wasSent: boolean;
  /** For how many users its sender had messages that may have waited. */
  waiting: number;
}

export interface PostRules {
  queueMax: number;
  awayRings: number;
  /** Nobody is slow or silent, nothing stops: what comes for those who are there arrives at once. */
  isCalm: boolean;
}

/** Holds the core to the delivery promise for messages from user to user. */
export class PostObserver {
  private readonly seen = new Map<string, Seen>();
  private readonly lanes = new Map<string, Seen[]>();

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
      pushedOut: false,
      mayBeLost: false,
      mayRepeat: false,
      wasSent: false,
      waiting: 0,
    };
    const mayWait = (one: Seen) =>
      one.answer !== 'failed' && (!one.receipted || one.mayRepeat) && one !== message;
    message.waiting = this.targetsOf(message, mayWait).size;
    this.seen.set(said.id, message);
    lane.push(message);
    let newer = 0;
    for (const older of lane.toReversed()) {
      if (older.receipted || older.answer === 'failed') continue;
      if (newer >= this.rules.queueMax) older.pushedOut = true;
      newer += 1;
    }
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
    const { awayRings } = this.rules;
    if (detail === 'players.away_rings_per_sender') {
      if (message.there) say('is refused as for one who is away');
      if (message.waiting < awayRings) say('is refused, though its sender fills fewer rings');
    }
    const waits = (one: Seen) =>
      !one.there && one.answer === 'queued' && !one.receipted && !one.pushedOut;
    if (status === 'queued' && !message.there && this.targetsOf(message, waits).size > awayRings)
      say('is in a ring too many');
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
    for (const message of this.seen.values()) {
      message.mayRepeat = true;
      if (message.answer !== 'queued') message.mayBeLost = true;
    }
  }

  stopped(): void {
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
      const { id, answer, received, pushedOut, mayBeLost } = message;
      if (isPromised(message) && !received && !pushedOut && !mayBeLost)
        this.broke(`${id}, ${answer}, is lost`);
    }
  }

  /** For whom the sender of this message has messages waiting that are `wanted`. */
  private targetsOf({ from }: Seen, wanted: (one: Seen) => boolean): Set<string> {
    const targets = new Set<string>();
    for (const one of this.seen.values()) {
      if (one.from === from && wanted(one)) targets.add(one.target);
    }
    return targets;
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
