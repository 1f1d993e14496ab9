import { type Pulse, sendPing, takePong } from '../sockets/keepalive.ts';
import type { Clock, Peer, Topics } from '../sockets/ports.ts';
import type { Outcome, Rings } from './rings.ts';
import { LiveWindow } from './window.ts';

/** A connection, as far as delivery cares. */
export interface Recipient extends Pulse {
  readonly peer: Peer;
  /** The lane it joined; undefined before, and for the one that is everywhere. */
  lane: Lane | undefined;
  /** Since when more than `slowBytes` wait in its socket, in ms; 0 while it keeps up. */
  behindSinceMs: number;
  /** Characters of queued messages that it was sent in this turn. */
  burst: number;
  /** Its flushes wait until it has read on. */
  paused: boolean;
  touched: boolean;
  closed: boolean;
}

/** A recipient's place in one lane. */
interface Member {
  readonly recipient: Recipient;
  readonly lane: Lane;
  /** Everything live with a higher number it is sent, or held for it. */
  readonly joinedAt: number;
  /** `live` means subscribed to the topic and given everything that waited. */
  state: 'live' | 'flushing' | 'reading';
  /** No message with this number or a lower one may reach it any more. */
  cursor: number;
  /** Live messages that must come after what waited. */
  held: { number: number; text: string }[];
  heldChars: number;
  /** What it was sent by itself and has not confirmed; `at` is the number of the sending. */
  sent: { number: number; at: number }[];
  /** Texts read from the store, not yet sent. */
  texts: Map<number, string> | undefined;
}

/** All messages of one channel in one direction: the unit of order. */
export interface Lane {
  readonly channel: string;
  readonly ring: string;
  readonly topic: string;
  readonly members: Member[];
  window: LiveWindow;
  /** Members that are not live. */
  notLive: number;
  /** Has, or had a moment ago, live messages without a receipt. */
  dirty: boolean;
  /** The number that a ping for receipts went out with; 0 when none is out. */
  askedAt: number;
  touched: boolean;
}

export interface DeliveryLimits {
  queueMax: number;
  receiptIntervalMs: number;
  /** More than this in its socket's buffer and a recipient is behind. */
  slowBytes: number;
  /** More than this and it is closed. */
  tooSlowBytes: number;
  /** Characters of live messages without a receipt, in all lanes; past it messages are queued. */
  unreceiptedMax: number;
}

export interface DeliveryPorts {
  topics: Topics;
  clock: Clock;
  rings: Rings;
  /** The text with the time at which it leaves now, for one that had to wait. */
  restamp(text: string, nowMs: number): string;
  /** Must close the recipient. */
  tooSlow(recipient: Recipient): void;
  /** Something went wrong that only an operator can care about. */
  report(event: string, fields: Record<string, unknown>): void;
}

/** Shared by all that hold nothing, so that an idle connection is small. */
const nothing: never[] = [];
const noWindow = new LiveWindow(0);

/** How long a flush waits after a read that failed. */
const readRetryMs = 500;

/**
 * One direction of the relay: lanes, who is in them, what they were sent and what they received.
 * A message is published while a recipient is live and keeps up; else it joins the ring, and
 * recipients are flushed, each in order, before they are live again.
 */
export class Delivery {
  readonly lanes = new Map<string, Lane>();
  /** Counts messages and sendings; also the number of a ping, so that its pong is a receipt. */
  private number = 0;
  private unreceipted = 0;
  private dirty: Lane[] = [];
  private ticking = false;
  private readonly touchedLanes: Lane[] = [];
  private readonly touchedRecipients: Recipient[] = [];
  private looking = false;
  /** The recipient that belongs to every lane whose channel it covers, and has one topic for all. */
  private everywhere: { recipient: Recipient; covers: (channel: string) => boolean } | undefined;

  constructor(
    private readonly ports: DeliveryPorts,
    private readonly limits: DeliveryLimits,
    private readonly names: {
      /** Rings are named by this and the channel. */
      ringPrefix: string;
      /** One topic for all lanes; none: each lane's is named like its ring. */
      topic?: string;
    },
  ) {}

  /** Takes over the rings that an earlier run left; numbers go on above `highest`. */
  begin(highest: number): void {
    this.number = highest;
    const { ringPrefix } = this.names;
    for (const ring of this.ports.rings.names())
      if (ring.startsWith(ringPrefix)) this.lane(ring.slice(ringPrefix.length));
  }

  lane(channel: string): Lane {
    const known = this.lanes.get(channel);
    if (known !== undefined) return known;
    const { ringPrefix, topic } = this.names;
    const ring = ringPrefix + channel;
    const lane: Lane = {
      channel,
      ring,
      topic: topic ?? ring,
      members: [],
      window: noWindow,
      notLive: 0,
      dirty: false,
      askedAt: 0,
      touched: false,
    };
    this.lanes.set(channel, lane);
    if (this.everywhere?.covers(channel)) this.add(this.everywhere.recipient, lane);
    return lane;
  }

  /** A recipient of one channel: it is flushed, then live. */
  join(recipient: Recipient, channel: string): void {
    recipient.lane = this.lane(channel);
    this.add(recipient, recipient.lane);
  }

  /** The recipient of every channel it covers; there is one at a time. */
  joinEverywhere(recipient: Recipient, covers: (channel: string) => boolean): void {
    this.everywhere = { recipient, covers };
    if (this.names.topic !== undefined) recipient.peer.subscribe(this.names.topic);
    for (const lane of this.lanes.values()) if (covers(lane.channel)) this.add(recipient, lane);
  }

  /** Its connection ended: what nobody else was sent and nobody received joins the rings. */
  leave(recipient: Recipient): void {
    recipient.closed = true;
    const members = this.membersOf(recipient);
    if (this.everywhere?.recipient === recipient) this.everywhere = undefined;
    for (const member of members) {
      const { lane } = member;
      lane.members.splice(lane.members.indexOf(member), 1);
      if (member.state !== 'live') lane.notLive -= 1;
      this.ports.rings.release(lane.ring, member);
      this.toRing(lane, (number) => !lane.members.some((other) => other.joinedAt < number));
      this.tidy(lane);
    }
  }

  /** Publishes to everybody live, if one of them keeps up; says whether. Costs one publish. */
  publish(lane: Lane, text: string, owner: string): boolean {
    if (!this.keepsUp(lane)) return false;
    const number = ++this.number;
    if (lane.window === noWindow) lane.window = new LiveWindow(this.limits.queueMax);
    const { window } = lane;
    this.unreceipted -= window.chars;
    window.push(number, text, owner);
    this.unreceipted += window.chars;
    this.ports.topics.publish(lane.topic, text);
    if (lane.notLive > 0) for (const member of [...lane.members]) this.hold(member, number, text);
    if (!lane.touched) {
      lane.touched = true;
      this.touchedLanes.push(lane);
      this.lookLater();
    }
    if (!lane.dirty) this.wantReceipt(lane);
    return true;
  }

  /**
   * For a message that nobody can be published: it joins the ring, and `settle` is told its outcome.
   * Returns the bound that it would break, as the settings name it; then it is in no ring.
   */
  queue(
    lane: Lane,
    text: string,
    owner: string,
    settle: (outcome: Outcome) => void,
  ): string | undefined {
    for (const member of lane.members) if (member.state === 'live') this.demote(member);
    const number = ++this.number;
    const over = this.ports.rings.append(lane.ring, number, text, owner, (outcome) => {
      if (outcome === 'failed') for (const member of lane.members) this.unhold(member, number);
      settle(outcome);
    });
    for (const member of [...lane.members]) {
      // One that is present and reads gets it, whoever else is given the ring's copy.
      if (over === undefined && member.recipient.behindSinceMs === 0)
        this.hold(member, number, text);
      this.pump(member);
    }
    this.tidy(lane);
    return over;
  }

  /** A pong: says whether it was a receipt. Everything sent before that ping is received. */
  pong(recipient: Recipient, payload: string): boolean {
    const number = takePong(recipient, payload);
    if (number === undefined) return false;
    for (const member of this.membersOf(recipient)) this.confirm(member, number);
    return true;
  }

  /** Pings with the number of everything sent so far. */
  ping(recipient: Recipient): void {
    sendPing(recipient.peer, recipient, this.number, this.ports.clock.now());
  }

  /** Looks at the socket's buffer in the next turn. */
  touch(recipient: Recipient): void {
    if (recipient.touched) return;
    recipient.touched = true;
    this.touchedRecipients.push(recipient);
    this.lookLater();
  }

  /** Looks at the socket's buffer: behind, too slow, or able to go on. */
  measure(recipient: Recipient): void {
    if (recipient.closed) return;
    const waiting = recipient.peer.getBufferedAmount();
    if (waiting > this.limits.tooSlowBytes) {
      this.ports.tooSlow(recipient);
    } else if (waiting > this.limits.slowBytes) {
      recipient.behindSinceMs ||= this.ports.clock.now();
    } else {
      recipient.behindSinceMs = 0;
      if (!recipient.paused) return;
      recipient.paused = false;
      for (const member of this.membersOf(recipient)) this.pump(member);
    }
  }

  /** Whether something was sent for which a connected recipient still owes the receipt. */
  owesReceipts(): boolean {
    for (const lane of this.lanes.values())
      if (!lane.window.isEmpty || lane.members.some((member) => member.sent.length > 0))
        return true;
    return false;
  }

  /** Pings everybody who owes a receipt. */
  askForReceipts(): void {
    const owing = new Set<Recipient>();
    for (const lane of this.lanes.values())
      for (const member of lane.members)
        if (!lane.window.isEmpty || member.sent.length > 0) owing.add(member.recipient);
    for (const recipient of owing) this.ping(recipient);
  }

  /** A ring that became empty may have been the last thing that a lane was kept for. */
  emptied(ring: string): void {
    const lane = this.lanes.get(ring.slice(this.names.ringPrefix.length));
    if (lane !== undefined) this.tidy(lane);
  }

  /** Its place in each lane that it belongs to. */
  private membersOf(recipient: Recipient): Member[] {
    const isEverywhere = this.everywhere?.recipient === recipient;
    const lanes = isEverywhere ? this.lanes.values() : recipient.lane ? [recipient.lane] : [];
    const members: Member[] = [];
    for (const lane of lanes)
      for (const member of lane.members) if (member.recipient === recipient) members.push(member);
    return members;
  }

  private keepsUp(lane: Lane): boolean {
    if (this.unreceipted > this.limits.unreceiptedMax) return false;
    for (const member of lane.members)
      if (member.state === 'live' && member.recipient.behindSinceMs === 0) return true;
    return false;
  }

  /** Keeps a message for a member that must be given others first. */
  private hold(member: Member, number: number, text: string): void {
    if (member.state === 'live') return;
    if (member.held === nothing) member.held = [];
    member.held.push({ number, text });
    member.heldChars += text.length;
    if (member.heldChars > this.limits.tooSlowBytes) this.ports.tooSlow(member.recipient);
  }

  /** What was answered `failed` must not arrive. */
  private unhold(member: Member, number: number): void {
    const at = member.held.findIndex((one) => one.number === number);
    if (at < 0) return;
    const [one] = member.held.splice(at, 1);
    member.heldChars -= one!.text.length;
  }

  private add(recipient: Recipient, lane: Lane): void {
    const member: Member = {
      recipient,
      lane,
      joinedAt: this.number,
      state: 'flushing',
      cursor: 0,
      held: nothing,
      heldChars: 0,
      sent: nothing,
      texts: undefined,
    };
    lane.members.push(member);
    lane.notLive += 1;
    this.pump(member);
  }

  /** Sends what waits, in order, as far as the recipient keeps up and the texts are at hand. */
  private pump(member: Member): void {
    const { recipient, lane } = member;
    const { rings } = this.ports;
    if (member.state !== 'flushing' || recipient.closed) return;
    let hasSent = false;
    for (;;) {
      const row = rings.next(lane.ring, member.cursor);
      const live = member.held[0];
      if (row === undefined && live === undefined) {
        this.promote(member);
        break;
      }
      if (recipient.behindSinceMs !== 0 || recipient.burst > this.limits.slowBytes) {
        recipient.paused = true;
        this.touch(recipient);
        break;
      }
      if (live !== undefined && (row === undefined || live.number <= row.position)) {
        member.held.shift();
        member.heldChars -= live.text.length;
        const copy = rings.find(lane.ring, live.number);
        if (copy !== undefined) rings.claim(copy, member);
        this.send(member, live.text, live.number);
      } else if (row !== undefined) {
        const text = row.text ?? member.texts?.get(row.position);
        if (text === undefined) {
          this.read(member, row.position);
          break;
        }
        rings.claim(row, member);
        this.send(member, text, row.position);
      }
      hasSent = true;
    }
    if (hasSent) this.ping(recipient);
  }

  private send(member: Member, text: string, number: number): void {
    const { recipient } = member;
    recipient.peer.send(this.ports.restamp(text, this.ports.clock.now()));
    recipient.burst += text.length;
    member.cursor = number;
    if (member.sent === nothing) member.sent = [];
    member.sent.push({ number, at: ++this.number });
    this.touch(recipient);
  }

  private promote(member: Member): void {
    member.state = 'live';
    member.texts = undefined;
    member.lane.notLive -= 1;
    if (this.names.topic === undefined) member.recipient.peer.subscribe(member.lane.topic);
  }

  /** Nobody keeps up: from here on it has to be given what joins the ring. */
  private demote(member: Member): void {
    member.state = 'flushing';
    member.cursor = this.number;
    member.lane.notLive += 1;
    if (member.recipient.behindSinceMs !== 0) member.recipient.paused = true;
    if (this.names.topic === undefined) member.recipient.peer.unsubscribe(member.lane.topic);
  }

  private read(member: Member, position: number): void {
    const { lane } = member;
    const { rings, clock, report } = this.ports;
    member.state = 'reading';
    const goOn = () => {
      member.state = 'flushing';
      this.pump(member);
    };
    rings.read(lane.ring, position - 1, this.limits.slowBytes).then(
      (texts) => {
        const row = rings.find(lane.ring, position);
        if (row?.stored && !texts.has(position)) {
          report('row_missing', { ring: lane.ring, position });
          rings.remove(lane.ring, [row]);
        }
        member.texts = texts;
        goOn();
      },
      () => clock.after(readRetryMs, goOn),
    );
  }

  private confirm(member: Member, upTo: number): void {
    const { lane, sent } = member;
    const { window } = lane;
    const { rings } = this.ports;
    const received = new Set<number>();
    if (sent.length > 0) {
      const end = sent.findIndex(({ at }) => at > upTo);
      const rows = [];
      for (const { number } of sent.splice(0, end < 0 ? sent.length : end)) {
        const row = rings.find(lane.ring, number);
        if (row !== undefined) rows.push(row);
        else received.add(number);
      }
      rings.remove(lane.ring, rows);
    }
    if (!window.isEmpty && window.oldest <= upTo) {
      const tail = member.held.length > 0 || sent.length > 0;
      this.unreceipted -= window.chars;
      if (!tail && window.newest <= upTo && window.oldest > member.joinedAt) {
        window.clear();
      } else {
        window.take(
          (number) =>
            received.has(number) ||
            (number <= upTo &&
              number > member.joinedAt &&
              !member.held.some((one) => one.number === number) &&
              !sent.some((one) => one.number === number)),
        );
      }
      this.unreceipted += window.chars;
    }
    this.tidy(lane);
  }

  private toRing(lane: Lane, wanted: (number: number) => boolean): void {
    if (lane.window.isEmpty) return;
    this.unreceipted -= lane.window.chars;
    const unreceived = lane.window.take(wanted);
    this.unreceipted += lane.window.chars;
    const lost = this.ports.rings.join(lane.ring, unreceived);
    if (lost > 0) this.ports.report('pushed_out', { ring: lane.ring, count: lost });
  }

  private wantReceipt(lane: Lane): void {
    lane.dirty = true;
    this.dirty.push(lane);
    this.tickLater();
  }

  private tickLater(): void {
    if (this.ticking) return;
    this.ticking = true;
    this.ports.clock.after(this.limits.receiptIntervalMs, () => {
      this.ticking = false;
      this.tick();
    });
  }

  /**
   * Asks for receipts: one recipient that keeps up; when it did not answer within an interval, all
   * that the lane has.
   */
  private tick(): void {
    const lanes = this.dirty;
    this.dirty = [];
    for (const lane of lanes) {
      const { window } = lane;
      if (window.isEmpty) {
        lane.dirty = false;
        lane.askedAt = 0;
        this.tidy(lane);
        continue;
      }
      this.dirty.push(lane);
      const isOverdue = lane.askedAt !== 0 && window.oldest <= lane.askedAt;
      const one = isOverdue
        ? undefined
        : lane.members.find((m) => m.state === 'live' && m.recipient.behindSinceMs === 0);
      lane.askedAt = this.number;
      for (const member of one ? [one] : lane.members)
        if (member.recipient.pingsOut?.at(-1) !== this.number) this.ping(member.recipient);
    }
    if (this.dirty.length > 0) this.tickLater();
  }

  private lookLater(): void {
    if (this.looking) return;
    this.looking = true;
    this.ports.clock.nextTurn(() => {
      this.looking = false;
      this.look();
    });
  }

  private look(): void {
    for (const lane of this.touchedLanes.splice(0)) {
      lane.touched = false;
      // Backwards: one that is too slow leaves while we look.
      for (let i = lane.members.length - 1; i >= 0; i--) this.measure(lane.members[i]!.recipient);
    }
    for (const recipient of this.touchedRecipients.splice(0)) {
      recipient.touched = false;
      recipient.burst = 0;
      this.measure(recipient);
    }
  }

  /** A lane that holds nothing and whose members are only those of every lane is forgotten. */
  private tidy(lane: Lane): void {
    if (!lane.window.isEmpty || this.ports.rings.get(lane.ring) !== undefined) return;
    const [first] = lane.members;
    if (first !== undefined) {
      if (first.recipient !== this.everywhere?.recipient) return;
      if (first.state !== 'live' || first.sent.length > 0) return;
    }
    if (this.lanes.get(lane.channel) === lane) this.lanes.delete(lane.channel);
  }
}
