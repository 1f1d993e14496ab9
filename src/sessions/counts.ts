interface Count {
  count: number;
  endMs: number;
}

/** Counts by name, each over a window that begins with its first. */
export class Counts {
  private readonly byName = new Map<string, Count>();

  constructor(
    private readonly most: number,
    private readonly windowMs: number,
  ) {}

  /** Milliseconds until one more is allowed; 0: now. */
  waitMs(name: string, nowMs: number): number {
    const known = this.current(name, nowMs);
    return known !== undefined && known.count >= this.most ? known.endMs - nowMs : 0;
  }

  add(name: string, nowMs: number): void {
    const known = this.current(name, nowMs);
    if (known !== undefined) known.count += 1;
    else this.byName.set(name, { count: 1, endMs: nowMs + this.windowMs });
  }

  /** One that was added at `addedMs` does not count after all. Only its own window forgets it. */
  takeBack(name: string, addedMs: number): void {
    const known = this.byName.get(name);
    if (known !== undefined && addedMs >= known.endMs - this.windowMs) known.count -= 1;
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    for (const [name, { endMs }] of this.byName) if (endMs <= nowMs) this.byName.delete(name);
  }

  private current(name: string, nowMs: number): Count | undefined {
    const known = this.byName.get(name);
    return known !== undefined && known.endMs > nowMs ? known : undefined;
  }
}
