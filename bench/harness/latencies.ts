const bucketsMax = 1_000_000;

export interface LatencyFigure {
  deliveries: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
}

export interface Latencies {
  /** Counts one latency in microseconds; above a second it counts as one second. */
  add(us: number): void;
  figure(): LatencyFigure;
}

/** A histogram with a bucket a microsecond. */
export function latencies(): Latencies {
  const buckets = new Uint32Array(bucketsMax + 1);
  let count = 0;
  function percentile(share: number) {
    let left = Math.ceil(count * share);
    for (let us = 0; us <= bucketsMax; us++) {
      left -= buckets[us]!;
      if (left <= 0) return us;
    }
    return bucketsMax;
  }
  return {
    add(us) {
      count++;
      buckets[Math.min(bucketsMax, Math.max(0, Math.round(us)))]!++;
    },
    figure: () => ({
      deliveries: count,
      p50Us: percentile(0.5),
      p99Us: percentile(0.99),
      p999Us: percentile(0.999),
    }),
  };
}
