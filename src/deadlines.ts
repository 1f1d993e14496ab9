import type { Cancel, Clock } from './sockets/ports.ts';

/** Something that has a time by which it must be over. */
export interface Due {
  /** In ms of the clock's `now`. While it waits it may move to later; to earlier by `add`. */
  dueMs: number;
  /** Where `Deadlines` has it; `nowhere` before. */
  place: number;
  /** Its time has come, at most 20 ms ago: it leaves, or moves on. */
  due(): void;
}

/** The place of what does not wait. */
export const nowhere = -1;

/** All are looked at no more often than this. */
const tickMs = 20;

/**
 * Deadlines that are hardly ever reached. None has a timer, for that costs more than a place in a
 * list: all are looked at when the first of them may be due.
 */
export class Deadlines<T extends Due = Due> {
  private readonly waiting: T[] = [];
  private lookMs = Infinity;
  private cancelLook: Cancel = () => {};

  constructor(private readonly clock: Pick<Clock, 'now' | 'after'>) {}

  get size(): number {
    return this.waiting.length;
  }

  all(): T[] {
    return [...this.waiting];
  }

  add(one: T): void {
    if (one.place === nowhere) one.place = this.waiting.push(one) - 1;
    if (one.dueMs < this.lookMs) this.plan(one.dueMs);
  }

  delete(one: T): void {
    if (one.place === nowhere) return;
    // The last one takes its place.
    const last = this.waiting.pop()!;
    if (last !== one) {
      this.waiting[one.place] = last;
      last.place = one.place;
    }
    one.place = nowhere;
  }

  private plan(lookMs: number): void {
    this.cancelLook();
    this.lookMs = lookMs;
    this.cancelLook = this.clock.after(lookMs - this.clock.now(), () => this.look());
  }

  private look(): void {
    const nowMs = this.clock.now();
    this.lookMs = Infinity;
    for (const one of this.all()) if (one.dueMs <= nowMs && one.place !== nowhere) one.due();
    let firstMs = Infinity;
    for (const { dueMs } of this.waiting) if (dueMs < firstMs) firstMs = dueMs;
    if (firstMs < this.lookMs) this.plan(Math.max(firstMs, nowMs + tickMs));
  }
}
