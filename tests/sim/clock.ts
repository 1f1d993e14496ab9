import type { Cancel, Clock } from '../../src/sockets/ports.ts';

interface Planned {
  atMs: number;
  order: number;
  fn: (() => void) | undefined;
}

/** Virtual time. One event is one turn of the event loop: then promises, then `nextTurn`. */
export class SimClock implements Clock {
  private nowMs = Date.parse('2026-01-01T00:00:00Z');
  private order = 0;
  private readonly heap: Planned[] = [];
  private readonly turn: (() => void)[] = [];

  /** `endOfTurn` is called when a turn's handlers have run, before what `nextTurn` planned. */
  constructor(private readonly endOfTurn: () => void = () => {}) {}

  now(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, fn: () => void): Cancel {
    const planned: Planned = { atMs: this.nowMs + delayMs, order: this.order++, fn };
    this.push(planned);
    return () => {
      planned.fn = undefined;
    };
  }

  nextTurn(fn: () => void): void {
    this.turn.push(fn);
  }

  /** Lets `durationMs` pass, or until `done` says so. */
  async run(durationMs: number, done: () => boolean = () => false): Promise<void> {
    const endMs = this.nowMs + durationMs;
    await this.finishTurn();
    while (!done() && this.heap.length > 0 && this.heap[0]!.atMs <= endMs) {
      const { atMs, fn } = this.pop();
      if (fn === undefined) continue;
      this.nowMs = Math.max(this.nowMs, atMs);
      fn();
      await this.finishTurn();
    }
    if (!done()) this.nowMs = Math.max(this.nowMs, endMs);
  }

  private async finishTurn(): Promise<void> {
    do {
      for (let i = 0; i < 8; i++) await null;
      this.endOfTurn();
      for (const fn of this.turn.splice(0)) fn();
      for (let i = 0; i < 8; i++) await null;
      this.endOfTurn();
    } while (this.turn.length > 0);
  }

  private push(planned: Planned): void {
    const { heap } = this;
    let at = heap.push(planned) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) break;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  private pop(): Planned {
    const { heap } = this;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
      if (least === at) return top;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
