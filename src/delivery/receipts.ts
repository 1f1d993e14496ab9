import type { Clock } from '../sockets/ports.ts';
import type { Count, Lane, Recipient } from './lane.ts';

export interface ReceiptPorts {
  clock: Clock;
  count: Count;
  ping(recipient: Recipient): void;
  /** The lane owes nothing any more. */
  settled(lane: Lane): void;
}

/**
 * Asks for receipts: within an interval of the first live message without one, a ping goes to one
 * recipient that keeps up; when it did not answer within another, to all that the lane has.
 */
export class Receipts {
  private lanes: Lane[] = [];
  private isTicking = false;

  constructor(
    private readonly ports: ReceiptPorts,
    private readonly intervalMs: number,
  ) {}

  want(lane: Lane): void {
    lane.dirty = true;
    this.lanes.push(lane);
    this.tickLater();
  }

  private tickLater(): void {
    if (this.isTicking) return;
    this.isTicking = true;
    this.ports.clock.after(this.intervalMs, () => {
      this.isTicking = false;
      this.tick();
    });
  }

  private tick(): void {
    const lanes = this.lanes;
    this.lanes = [];
    for (const lane of lanes) {
      if (lane.window.isEmpty) {
        lane.dirty = false;
        lane.askedAt = 0;
        this.ports.settled(lane);
      } else {
        this.lanes.push(lane);
        this.ask(lane);
      }
    }
    if (this.lanes.length > 0) this.tickLater();
  }

  private ask(lane: Lane): void {
    const { last } = this.ports.count;
    const isOverdue = lane.askedAt !== 0 && lane.window.oldest <= lane.askedAt;
    const one = isOverdue
      ? undefined
      : lane.members.find((m) => m.state === 'live' && m.recipient.behindSinceMs === 0);
    lane.askedAt = last;
    for (const { recipient } of one ? [one] : lane.members)
      if (recipient.pingsOut?.at(-1) !== last) this.ports.ping(recipient);
  }
}
