/** How long the last 128 answers of one worker took. */
export class Latencies {
  private readonly newest: number[] = [];
  private next = 0;
  private shown: { p50: number; p95: number } | undefined;

  add(durationMs: number): void {
    this.newest[this.next] = durationMs;
    this.next = (this.next + 1) % 128;
    this.shown = undefined;
  }

  /** In milliseconds, by nearest rank; undefined before the first answer. */
  percentiles(): { p50: number; p95: number } | undefined {
    const count = this.newest.length;
    if (count === 0) return undefined;
    if (this.shown === undefined) {
      const sorted = Float64Array.from(this.newest).sort();
      const at = (share: number) => Math.round(sorted[Math.ceil(share * count) - 1]! * 1000) / 1000;
      this.shown = { p50: at(0.5), p95: at(0.95) };
    }
    return this.shown;
  }
}
