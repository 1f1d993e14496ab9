import { Type } from '@sinclair/typebox';
import type { Page, Shown } from '../shown.ts';
import type { Numbers } from './history.ts';

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
    answer: Type.Object(
      {
        version: Type.String(),
        instance: Type.String(),
        started_at: Type.String({ format: 'date-time' }),
        uptime_seconds: Type.Integer(),
        parts: Type.Record(Type.String(), numbers),
      },
      {
        examples: [
          {
            version: '1.0.0',
            instance: 'moonstead',
            started_at: '2026-01-02T03:04:05.678Z',
            uptime_seconds: 4211,
            parts: {
              server: { sockets: 44, resident_memory_bytes: 72_876_032 },
              relay: { mods: 2, messages_total: { mod: 1042, bot: 977 } },
              players: { players: 42 },
            },
          },
        ],
      },
    ),
    read: () => ({
      version: self.version,
      instance: self.instance,
      started_at: new Date(self.startedWallMs).toISOString(),
      uptime_seconds: uptimeS(self),
      parts: numbersOf(shown),
    }),
  };
}

/** Every meter as it is now, by part and name. */
export function numbersOf(shown: ReadonlyMap<string, Shown>): Record<string, Numbers> {
  return Object.fromEntries(
    Array.from(shown, ([part, { meters }]) => [
      part,
      Object.fromEntries(meters.map(({ name, read }) => [name, read()])),
    ]),
  );
}

/** For today's bots, which read exactly these. */
export function selfPages(self: Self, lagMs: () => number): Page[] {
  return [
    {
      path: '/uptime',
      summary: 'Since when the server runs.',
      answer: Type.Object(
        {
          uptime: Type.String({ description: 'Days, hours, minutes and seconds.' }),
          uptime_seconds: Type.Integer(),
          started_at: Type.String({ format: 'date-time' }),
        },
        {
          examples: [
            {
              uptime: '02.11:05:09',
              uptime_seconds: 212_709,
              started_at: '2026-01-02T03:04:05.678Z',
            },
          ],
        },
      ),
      read: () => ({
        uptime: clockText(uptimeS(self)),
        uptime_seconds: uptimeS(self),
        started_at: new Date(self.startedWallMs).toISOString(),
      }),
    },
    {
      path: '/version',
      summary: 'Which version runs.',
      answer: Type.Object(
        {
          version: Type.String(),
          lastUpdated: Type.String({
            format: 'date-time',
            description: 'When the server was started.',
          }),
          rawData: Type.String(),
          parsedData: Type.String(),
        },
        {
          examples: [
            {
              version: '1.0.0',
              lastUpdated: '2026-01-02T03:04:05.678Z',
              rawData: '1.0.0',
              parsedData: '1.0.0',
            },
          ],
        },
      ),
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
      answer: Type.Object(
        {
          status: Type.Literal('ok'),
          latency_ms: Type.Integer({
            description: 'How late the event loop was at most in the last second.',
          }),
        },
        { examples: [{ status: 'ok', latency_ms: 1 }] },
      ),
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
