/** How long the last answers of one worker, or of all, took. */
export class Latencies {
  private readonly newest: number[] = [];
  private next = 0;
  private shown: { p50: number; p95: number } | undefined;

  /** Keeps the last `count`. */
  constructor(private readonly count = 128) {}

  add(durationMs: number): void {
    this.newest[this.next] = durationMs;
    this.next = this.next + 1 === this.count ? 0 : this.next + 1;
    this.shown = undefined;
  }

  /** In milliseconds, by nearest rank; undefined before the first answer. */
  percentiles(): { p50: number; p95: number } | undefined {
    if (this.newest.length === 0) return undefined;
    if (this.shown === undefined) {
      const sorted = this.sorted();
      this.shown = { p50: atShare(sorted, 0.5), p95: atShare(sorted, 0.95) };
    }
    return this.shown;
  }

  /** The same, with the slowest hundredth. */
  tail(): { p50: number; p95: number; p99: number } | undefined {
    if (this.newest.length === 0) return undefined;
    const sorted = this.sorted();
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => atShare(sorted, share));
    return { p50: p50!, p95: p95!, p99: p99! };
  }

  private sorted(): Float64Array {
    return Float64Array.from(this.newest).sort();
  }
}

function atShare(sorted: Float64Array, share: number): number {
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1]! * 1000) / 1000;
}
