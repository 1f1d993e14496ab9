import { Type } from '@sinclair/typebox';
import type { Page } from '../shown.ts';
import type { Cancel, Clock } from '../sockets/ports.ts';

export type Numbers = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

export interface HistoryPorts {
  clock: Clock;
  /** Every number of every part, as they are now. */
  read(): Readonly<Record<string, Numbers>>;
}

const intervalMs = 5_000;
/** A quarter of an hour. */
const pointsMax = 181;

/**
 * The numbers of the last 15 minutes, for lines that begin in the past. A number that has never been
 * anything but 0 takes no room.
 */
export class History {
  private readonly series = new Map<string, number[]>();
  private points = 0;
  private wallMs = 0;
  private stop: Cancel = () => {};

  constructor(private readonly ports: HistoryPorts) {}

  begin(): void {
    this.wallMs = this.ports.clock.wallMs();
    this.takeLater();
  }

  end(): void {
    this.stop();
  }

  readonly page: Page = {
    path: '/stats/history',
    summary: 'Every number of the last 15 minutes, but those that stayed 0.',
    answer: Type.Object(
      {
        interval_seconds: Type.Integer(),
        until: Type.String({ format: 'date-time', description: 'When the last ones were taken.' }),
        series: Type.Record(Type.String(), Type.Array(Type.Number()), {
          description: 'Oldest first, by `part.name` or `part.name.label`.',
        }),
      },
      {
        examples: [
          {
            interval_seconds: 5,
            until: '2026-01-02T03:04:05.678Z',
            series: { 'players.players': [41, 42], 'tasks.requests_total.answered': [1030, 1042] },
          },
        ],
      },
    ),
    read: () => ({
      interval_seconds: intervalMs / 1000,
      until: new Date(this.wallMs).toISOString(),
      series: Object.fromEntries(this.series),
    }),
  };

  private takeLater(): void {
    this.stop = this.ports.clock.after(intervalMs, () => {
      this.takeLater();
      this.take();
    });
  }

  private take(): void {
    this.wallMs = this.ports.clock.wallMs();
    const seen = new Set<string>();
    const add = (name: string, value: number) => {
      seen.add(name);
      let values = this.series.get(name);
      if (values === undefined) {
        if (value === 0) return;
        this.series.set(name, (values = Array<number>(this.points).fill(0)));
      }
      values.push(value);
      if (values.length > pointsMax) values.shift();
    };
    for (const [part, numbers] of Object.entries(this.ports.read()))
      for (const [name, value] of Object.entries(numbers))
        if (typeof value === 'number') add(`${part}.${name}`, value);
        else for (const [label, one] of Object.entries(value)) add(`${part}.${name}.${label}`, one);
    // A label that is told no more.
    for (const name of this.series.keys()) if (!seen.has(name)) add(name, 0);
    this.points = Math.min(pointsMax - 1, this.points + 1);
  }
}
