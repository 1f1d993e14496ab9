import type { Clock } from '../sockets/ports.ts';
import type { Lane, Recipient } from './lane.ts';

export interface PressureLimits {
  /** More than this in its socket's buffer and a recipient is behind. */
  slowBytes: number;
  /** More than this and it is closed. */
  tooSlowBytes: number;
}

export interface PressurePorts {
  clock: Clock;
  /** Must close the recipient. */
  tooSlow(recipient: Recipient): void;
  /** It keeps up again, and its flushes may go on. */
  resume(recipient: Recipient): void;
}

/**
 * Who is behind. A socket's buffer reads 0 inside a handler, so it is looked at in the next turn;
 * and since nobody can be behind who was not sent that much, only when enough was sent since the
 * last look: a look at a hundred receivers costs as much as a message.
 */
export class Pressure {
  private readonly lanes: Lane[] = [];
  private readonly recipients: Recipient[] = [];
  private isLooking = false;
  /** Characters sent to anybody since the last look. */
  private unseen = 0;

  constructor(
    private readonly ports: PressurePorts,
    private readonly limits: PressureLimits,
  ) {}

  /** Something was published to everybody in the lane. */
  published(lane: Lane, chars: number): void {
    if (!lane.touched) {
      lane.touched = true;
      this.lanes.push(lane);
    }
    this.count(chars);
  }

  /** Something was sent to one. */
  sent(recipient: Recipient, chars: number): void {
    this.touch(recipient);
    this.count(chars);
  }

  /** It is looked at in the next turn, whatever it was sent. */
  lookAt(recipient: Recipient): void {
    this.touch(recipient);
    this.lookLater();
  }

  /** Looks at a socket's buffer: behind, too slow, or able to go on. */
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
      this.ports.resume(recipient);
    }
  }

  private touch(recipient: Recipient): void {
    if (recipient.touched) return;
    recipient.touched = true;
    this.recipients.push(recipient);
  }

  private count(chars: number): void {
    this.unseen += chars;
    if (this.unseen > this.limits.slowBytes / 4) this.lookLater();
  }

  private lookLater(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.ports.clock.nextTurn(() => {
      this.isLooking = false;
      this.look();
    });
  }

  private look(): void {
    this.unseen = 0;
    for (const lane of this.lanes.splice(0)) {
      lane.touched = false;
      // Backwards: one that is too slow leaves while we look.
      for (let i = lane.members.length - 1; i >= 0; i--) this.measure(lane.members[i]!.recipient);
    }
    for (const recipient of this.recipients.splice(0)) {
      recipient.touched = false;
      recipient.burst = 0;
      this.measure(recipient);
    }
  }
}
