import type { Clock } from '../sockets/ports.ts';
import type { DeliveryCounts } from './counts.ts';
import { type Count, type Member, noteSent, type Recipient } from './lane.ts';
import type { Pressure } from './pressure.ts';
import type { Row } from './ring-rows.ts';
import type { Rings } from './rings.ts';

export interface FlushPorts {
  clock: Clock;
  rings: Rings;
  count: Count;
  counts: DeliveryCounts;
  pressure: Pressure;
  /** The text with the time at which it leaves now. */
  restamp(text: string): string;
  ping(recipient: Recipient): void;
  /** It has been given everything: from here on it is published to. */
  promote(member: Member): void;
  /** Something went wrong that only an operator can care about. */
  report(event: string, fields: Record<string, unknown>): void;
}

/** How long a flush waits after a read that failed. */
const readRetryMs = 500;

/** Gives members what waits for them, each in order, before they are live. */
export class Flush {
  constructor(
    private readonly ports: FlushPorts,
    private readonly limits: { slowBytes: number },
  ) {}

  /** Sends what waits, as far as the recipient keeps up and the texts are at hand. */
  pump(member: Member): void {
    const { recipient, lane } = member;
    const { rings, pressure, promote, ping } = this.ports;
    if (member.state !== 'flushing' || recipient.closed) return;
    let hasSent = false;
    for (;;) {
      const row = rings.next(lane.ring, member.cursor);
      const held = member.held[0];
      if (row === undefined && held === undefined) {
        member.texts = undefined;
        promote(member);
        break;
      }
      if (recipient.behindSinceMs !== 0 || recipient.burst > this.limits.slowBytes) {
        recipient.paused = true;
        pressure.lookAt(recipient);
        break;
      }
      if (held !== undefined && (row === undefined || held.number <= row.position)) {
        member.held.shift();
        member.heldChars -= held.text.length;
        const copy = rings.find(lane.ring, held.number);
        if (copy !== undefined) this.claim(copy, member);
        this.send(member, held.text, held.number);
      } else if (row !== undefined) {
        const text = row.text ?? member.texts?.get(row.position);
        if (text === undefined) {
          this.read(member, row.position);
          break;
        }
        this.claim(row, member);
        this.send(member, text, row.position);
      }
      hasSent = true;
    }
    if (hasSent) ping(recipient);
  }

  private claim(row: Row, member: Member): void {
    // It is only kept so dearly when somebody has been sent it, or was promised that it was.
    if (row.mustKeep && row.holders.length === 0) this.ports.counts.deliveredAgain += 1;
    this.ports.rings.claim(row, member);
  }

  private send(member: Member, text: string, number: number): void {
    const { recipient } = member;
    const { restamp, count, counts, pressure } = this.ports;
    counts.delivered += 1;
    recipient.peer.send(restamp(text));
    recipient.burst += text.length;
    noteSent(member, number, ++count.last);
    pressure.lookAt(recipient);
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
}
