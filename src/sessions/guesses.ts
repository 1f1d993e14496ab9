import { Counts } from './counts.ts';

/**
 * Limits wrong secrets by address and user together, and by address; never by user alone, for that
 * would let anybody lock a user out. A guess counts from its start, and is taken back when it was
 * right, so that many at once get no further than one after the other.
 */
export class Guesses {
  private readonly byBoth: Counts;
  private readonly byAddress: Counts;

  constructor(limits: { perUser: number; perAddress: number; windowMs: number }) {
    this.byBoth = new Counts(limits.perUser, limits.windowMs);
    this.byAddress = new Counts(limits.perAddress, limits.windowMs);
  }

  /** Counts one. Milliseconds until the next is allowed; 0: this one is. */
  begin(userId: string, address: string, nowMs: number): number {
    const both = `${address} ${userId}`;
    const waitMs = Math.max(this.byBoth.waitMs(both, nowMs), this.byAddress.waitMs(address, nowMs));
    if (waitMs > 0) return waitMs;
    this.byBoth.add(both, nowMs);
    this.byAddress.add(address, nowMs);
    return 0;
  }

  /** The guess was right, or nobody looked at it. */
  takeBack(userId: string, address: string, nowMs: number): void {
    this.byBoth.takeBack(`${address} ${userId}`, nowMs);
    this.byAddress.takeBack(address, nowMs);
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    this.byBoth.sweep(nowMs);
    this.byAddress.sweep(nowMs);
  }
}
