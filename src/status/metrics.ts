import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MakeTiming, Meter } from '../shown.ts';

/** Upper bounds in seconds: from a commit on a fast disk to a task that takes its time. */
const buckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60,
];

/** `/metrics`: the text format of Prometheus, made when it is asked for. */
export class Metrics {
  private readonly registry = new Registry();

  /** A part's meters are read at each scrape. */
  show(part: string, meters: readonly Meter[]): void {
    for (const meter of meters) this.add(part, meter);
  }

  readonly timing: MakeTiming = (part, { name, help, label }) => {
    const histogram = new Histogram({
      ...this.named(part, name, help, label),
      buckets,
    });
    if (label === undefined) return (seconds) => histogram.observe(seconds);
    const known = new Map<string, { observe(seconds: number): void }>();
    return (seconds, value = '') => {
      let one = known.get(value);
      if (one === undefined) known.set(value, (one = histogram.labels(value)));
      one.observe(seconds);
    };
  };

  text(): Promise<string> {
    return this.registry.metrics();
  }

  private add(part: string, { name, help, kind, label, read }: Meter): void {
    const metric = new (kind === 'counter' ? Counter : Gauge)({
      ...this.named(part, name, help, label),
      collect() {
        const value = read();
        this.reset();
        if (typeof value === 'number')
          return kind === 'counter' ? this.inc(value) : (this as Gauge).set(value);
        for (const [labelValue, number] of Object.entries(value))
          this.inc({ [label!]: labelValue }, number);
      },
    });
    void metric;
  }

  private named(part: string, name: string, help: string, label: string | undefined) {
    return {
      name: `moonstead_${part}_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.registry],
    };
  }
}
