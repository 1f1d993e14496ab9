import { Type } from '@sinclair/typebox';
import type { Page, Shown } from '../shown.ts';

const numbers = Type.Record(
  Type.String(),
  Type.Union([Type.Number(), Type.Record(Type.String(), Type.Number())]),
);

/** What the process says of itself. */
export interface Self {
  version: string;
  instance: string;
  startedWallMs: number;
  nowWallMs(): number;
}

/** `/stats`: every meter of every part, by its name. */
export function statsPage(shown: ReadonlyMap<string, Shown>, self: Self): Page {
  return {
    path: '/stats',
    summary: 'Every number of every part.',
    answer: Type.Object({
      version: Type.String(),
      instance: Type.String(),
      started_at: Type.String({ format: 'date-time' }),
      uptime_seconds: Type.Integer(),
      parts: Type.Record(Type.String(), numbers),
    }),
    read: () => ({
      version: self.version,
      instance: self.instance,
      started_at: new Date(self.startedWallMs).toISOString(),
      uptime_seconds: uptimeS(self),
      parts: Object.fromEntries(
        Array.from(shown, ([part, { meters }]) => [
          part,
          Object.fromEntries(meters.map(({ name, read }) => [name, read()])),
        ]),
      ),
    }),
  };
}

/** For today's bots, which read exactly these. */
export function selfPages(self: Self, lagMs: () => number): Page[] {
  return [
    {
      path: '/uptime',
      summary: 'Since when the server runs.',
      answer: Type.Object({
        uptime: Type.String({
          description: 'Days, hours, minutes and seconds.',
          examples: ['02.11:05:09'],
        }),
        uptime_seconds: Type.Integer(),
        started_at: Type.String({ format: 'date-time' }),
      }),
      read: () => ({
        uptime: clockText(uptimeS(self)),
        uptime_seconds: uptimeS(self),
        started_at: new Date(self.startedWallMs).toISOString(),
      }),
    },
    {
      path: '/version',
      summary: 'Which version runs.',
      answer: Type.Object({
        version: Type.String(),
        lastUpdated: Type.String({ format: 'date-time' }),
        rawData: Type.String(),
        parsedData: Type.String(),
      }),
      read: () => ({
        version: self.version,
        lastUpdated: new Date(self.startedWallMs).toISOString(),
        rawData: self.version,
        parsedData: self.version,
      }),
    },
    {
      path: '/ping',
      summary: 'That the server answers, and how late its event loop is.',
      answer: Type.Object({ status: Type.Literal('ok'), latency_ms: Type.Integer() }),
      read: () => ({ status: 'ok', latency_ms: Math.round(lagMs()) }),
    },
  ];
}

function uptimeS({ startedWallMs, nowWallMs }: Self): number {
  return Math.max(0, Math.floor((nowWallMs() - startedWallMs) / 1000));
}

/** As .NET writes a time span: `dd.hh:mm:ss`. */
function clockText(seconds: number): string {
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, '0');
  const rest = seconds % 86_400;
  return `${two(seconds / 86_400)}.${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}`;
}
