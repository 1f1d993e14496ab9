import type { Clock, Topics } from '../sockets/ports.ts';
import type { Recipient } from './lane.ts';
import type { PressureLimits } from './pressure.ts';
import type { Rings } from './rings.ts';

export interface DeliveryLimits extends PressureLimits {
  queueMax: number;
  receiptIntervalMs: number;
  /**
   * Characters of live messages without a receipt, in all lanes, with the excess that such messages
   * have made in the rings; past it messages are queued, if there is room.
   */
  unreceiptedMax: number;
  /** Lanes with such messages; past it those of a further lane are queued. */
  ringsMax: number;
}

export interface DeliveryPorts {
  topics: Topics;
  clock: Clock;
  rings: Rings;
  /** The text with the time at which it leaves now, for one that had to wait. */
  restamp(text: string): string;
  /** Must close the recipient. */
  tooSlow(recipient: Recipient): void;
  /** Something went wrong that only an operator can care about. */
  report(event: string, fields: Record<string, unknown>): void;
}
