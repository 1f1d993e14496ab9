import { sendPing, takePong } from '../sockets/keepalive.ts';
import { type DeliveryCounts, newCounts } from './counts.ts';
import type { DeliveryLimits, DeliveryPorts } from './ports.ts';
import { Flush } from './flush.ts';
import {
  account,
  addMember,
  type Count,
  hold,
  type Lane,
  type Member,
  newLane,
  noWindow,
  type Recipient,
  removeMember,
  takeConfirmed,
  takeUnreceived,
  unhold,
  type Unreceipted,
  wasSent,
} from './lane.ts';
import { Pressure } from './pressure.ts';
import { Receipts } from './receipts.ts';
import type { Outcome } from './ring-rows.ts';
import type { Tallies } from './tallies.ts';
import { LiveWindow } from './window.ts';

/**
 * The delivery promise in one direction: lanes, who is in them, what they were sent and what they
 * received.
 * A message is published while a recipient is live and keeps up; else it joins the ring, and
 * recipients are flushed, each in order, before they are live again.
 */
export class Delivery {
  readonly lanes = new Map<string, Lane>();
  readonly pressure: Pressure;
  readonly counts: DeliveryCounts = newCounts();
  private readonly receipts: Receipts;
  private readonly flush: Flush;
  private readonly count: Count = { last: 0 };
  readonly unreceipted: Unreceipted = { chars: 0, lanes: 0 };
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
      /** Shared with the other direction. */
      tallies?: Tallies;
    },
  ) {
    const { count, counts } = this;
    const ping = (recipient: Recipient) => this.ping(recipient);
    this.pressure = new Pressure(
      { ...ports, resume: (recipient) => this.resume(recipient) },
      limits,
    );
    this.receipts = new Receipts(
      { ...ports, count, ping, settled: (lane) => this.tidy(lane) },
      limits.receiptIntervalMs,
    );
    const promote = (member: Member) => this.promote(member);
    this.flush = new Flush(
      { ...ports, count, counts, ping, promote, pressure: this.pressure },
      limits,
    );
  }

  /** Takes over the rings that an earlier run left; numbers go on above `highest`. */
  begin(highest: number): void {
    this.count.last = highest;
    const { ringPrefix } = this.names;
    for (const ring of this.ports.rings.names())
      if (ring.startsWith(ringPrefix)) this.lane(ring.slice(ringPrefix.length));
  }

  lane(channel: string): Lane {
    const known = this.lanes.get(channel);
    if (known !== undefined) return known;
    const ring = this.names.ringPrefix + channel;
    const tally = this.names.tallies?.enter(channel);
    const lane = newLane(channel, ring, this.names.topic ?? ring, tally);
    this.lanes.set(channel, lane);
    if (this.everywhere?.covers(channel)) this.add(lane, this.everywhere.recipient);
    return lane;
  }

  /** A recipient of one channel: it is flushed, then live. */
  join(recipient: Recipient, channel: string): void {
    recipient.lane = this.lane(channel);
    this.add(recipient.lane, recipient);
  }

  /** The recipient of every channel it covers; there is one at a time. */
  joinEverywhere(recipient: Recipient, covers: (channel: string) => boolean): void {
    this.everywhere = { recipient, covers };
    if (this.names.topic !== undefined) recipient.peer.subscribe(this.names.topic);
    for (const lane of this.lanes.values()) if (covers(lane.channel)) this.add(lane, recipient);
  }

  /** Its connection ended: what nobody else was sent and nobody received joins the rings. */
  leave(recipient: Recipient): void {
    recipient.closed = true;
    const members = this.membersOf(recipient);
    if (this.everywhere?.recipient === recipient) this.everywhere = undefined;
    let pushedOut = 0;
    for (const member of members) {
      const { lane } = member;
      removeMember(member);
      this.ports.rings.release(lane.ring, member);
      const isNobodys = (number: number) => !lane.members.some((other) => other.joinedAt < number);
      pushedOut += this.ports.rings.join(
        lane.ring,
        takeUnreceived(this.unreceipted, lane, isNobodys),
      );
      this.tidy(lane);
    }
    if (pushedOut > 0) this.ports.report('pushed_out', { count: pushedOut });
  }

  /** Publishes to everybody live, if one of them keeps up; says whether. Costs one publish. */
  publish(lane: Lane, text: string, owner: string): boolean {
    if (!this.keepsUp(lane)) return false;
    const number = ++this.count.last;
    if (lane.window === noWindow) lane.window = new LiveWindow(this.limits.queueMax);
    const { window } = lane;
    account(this.unreceipted, window, -1);
    window.push(number, text, owner);
    account(this.unreceipted, window, 1);
    this.ports.topics.publish(lane.topic, text);
    this.counts.messages += 1;
    this.counts.delivered += lane.members.length - lane.notLive;
    if (lane.notLive > 0) for (const member of [...lane.members]) this.hold(member, number, text);
    this.pressure.published(lane, text.length);
    if (!lane.dirty) this.receipts.want(lane);
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
    const { counts } = this;
    counts.messages += 1;
    for (const member of lane.members) if (member.state === 'live') this.demote(member);
    const number = ++this.count.last;
    const over = this.ports.rings.append(lane.ring, number, text, owner, (outcome) => {
      if (outcome === 'failed') {
        counts.failed += 1;
        for (const member of lane.members) unhold(member, number);
      }
      settle(outcome);
    });
    counts[over === undefined ? 'queued' : 'failed'] += 1;
    for (const member of [...lane.members]) {
      // One that is present and reads gets it, whoever else is given the ring's copy.
      if (over === undefined && member.recipient.behindSinceMs === 0)
        this.hold(member, number, text);
      this.flush.pump(member);
    }
    this.tidy(lane);
    return over;
  }

  /** A pong: everything sent before its ping is received, if the ping was ours. */
  pong(recipient: Recipient, payload: string): void {
    const number = takePong(recipient, payload);
    if (number === undefined) return;
    this.counts.receipts += 1;
    for (const member of this.membersOf(recipient)) this.confirm(member, number);
  }

  /** Pings with the number of everything sent so far. */
  ping(recipient: Recipient): void {
    sendPing(recipient.peer, recipient, this.count.last, this.ports.clock.now());
  }

  /**
   * Drops what waits for a channel, and is not still being committed. Resolves with how many messages
   * when the store has let go of them; until then they may be delivered. Rejects when the store did
   * not: then nothing has changed.
   */
  async clear(channel: string): Promise<number> {
    const lane = this.lanes.get(channel);
    if (lane === undefined) return 0;
    const { numbers, done } = this.ports.rings.clear(lane.ring);
    const dropped = await done;
    if (dropped === undefined) throw new Error('the store did not let go of them');
    this.counts.cleared += dropped;
    for (const member of lane.members) for (const number of numbers) unhold(member, number);
    return dropped;
  }

  /** A ring that became empty may have been the last thing that a lane was kept for. */
  emptied(ring: string): void {
    const lane = this.lanes.get(ring.slice(this.names.ringPrefix.length));
    if (lane?.ring === ring) this.tidy(lane);
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
    const { chars, lanes } = this.unreceipted;
    // What is live may have to join the rings: their excess is kept from growing without end.
    if (chars + this.ports.rings.bounds.excess > this.limits.unreceiptedMax) return false;
    if (lane.window.isEmpty && lanes >= this.limits.ringsMax) return false;
    for (const member of lane.members)
      if (member.state === 'live' && member.recipient.behindSinceMs === 0) return true;
    return false;
  }

  private add(lane: Lane, recipient: Recipient): void {
    this.flush.pump(addMember(lane, recipient, this.count.last));
  }

  private resume(recipient: Recipient): void {
    for (const member of this.membersOf(recipient)) this.flush.pump(member);
  }

  private hold(member: Member, number: number, text: string): void {
    if (member.state === 'live') return;
    hold(member, number, text);
    if (member.heldChars > this.limits.tooSlowBytes) this.ports.tooSlow(member.recipient);
  }

  private promote(member: Member): void {
    member.state = 'live';
    member.lane.notLive -= 1;
    if (this.names.topic === undefined) member.recipient.peer.subscribe(member.lane.topic);
  }

  /** Nobody keeps up: from here on it has to be given what joins the ring. */
  private demote(member: Member): void {
    member.state = 'flushing';
    member.cursor = this.count.last;
    member.lane.notLive += 1;
    if (member.recipient.behindSinceMs !== 0) member.recipient.paused = true;
    if (this.names.topic === undefined) member.recipient.peer.unsubscribe(member.lane.topic);
  }

  private confirm(member: Member, upTo: number): void {
    const { lane } = member;
    const { window } = lane;
    const { rings } = this.ports;
    const received = takeConfirmed(member, upTo);
    const rows = received.flatMap((number) => rings.find(lane.ring, number) ?? []);
    rings.remove(lane.ring, rows);
    if (!window.isEmpty && window.oldest <= upTo) {
      account(this.unreceipted, window, -1);
      const wasGivenAll = member.held.length === 0 && member.sent.length === 0;
      if (wasGivenAll && window.newest <= upTo && window.oldest > member.joinedAt) window.clear();
      else
        window.take(
          (number) => received.includes(number) || (number <= upTo && wasSent(member, number)),
        );
      account(this.unreceipted, window, 1);
    }
    this.tidy(lane);
  }

  /** A lane that holds nothing and whose member is only that of every lane is forgotten. */
  private tidy(lane: Lane): void {
    if (!lane.window.isEmpty || this.ports.rings.get(lane.ring) !== undefined) return;
    const [first] = lane.members;
    if (first !== undefined) {
      if (first.recipient !== this.everywhere?.recipient) return;
      if (first.state !== 'live' || first.sent.length > 0) return;
    }
    if (this.lanes.get(lane.channel) !== lane) return;
    this.lanes.delete(lane.channel);
    if (lane.tally !== undefined) this.names.tallies!.leave(lane.tally);
  }
}
