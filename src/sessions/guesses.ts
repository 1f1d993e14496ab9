import { Counts } from './counts.ts';

/**
 * Limits wrong secrets by address and user together, and by address; never by user alone, for that
 * would let anybody lock a user out. A guess counts from its start, and is taken back when it was
 * right, so that many at once get no further than one after the other. `group`: what counts as one
 * address.
 */
export class Guesses {
  private readonly byBoth: Counts;
  private readonly byGroup: Counts;

  constructor(limits: { perUser: number; perAddress: number; windowMs: number }) {
    this.byBoth = new Counts(limits.perUser, limits.windowMs);
    this.byGroup = new Counts(limits.perAddress, limits.windowMs);
  }

  /** Counts one. Milliseconds until the next is allowed; 0: this one is. */
  begin(userId: string, group: string, nowMs: number): number {
    const both = `${group} ${userId}`;
    const waitMs = Math.max(this.byBoth.waitMs(both, nowMs), this.byGroup.waitMs(group, nowMs));
    if (waitMs > 0) return waitMs;
    this.byBoth.add(both, nowMs);
    this.byGroup.add(group, nowMs);
    return 0;
  }

  /** The guess that began at `begunMs` was right, or nobody looked at it. */
  takeBack(userId: string, group: string, begunMs: number): void {
    this.byBoth.takeBack(`${group} ${userId}`, begunMs);
    this.byGroup.takeBack(group, begunMs);
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    this.byBoth.sweep(nowMs);
    this.byGroup.sweep(nowMs);
  }
}
