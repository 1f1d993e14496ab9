import { memoryUsage } from 'node:process';
import type { EventLoopLag } from './event-loop.ts';
import type { Shown } from './shown.ts';
import type { Sockets } from './sockets/accept.ts';
import type { Self } from './status/stats.ts';
import type { Store } from './store/store.ts';

/** What the program shows of itself, beside its parts. */
export function ownFigures(
  sockets: Sockets,
  store: Store,
  lag: EventLoopLag,
  { version, startedWallMs }: Pick<Self, 'version' | 'startedWallMs'>,
): Shown {
  return {
    meters: [
      {
        name: 'info',
        help: '1, with the version that runs.',
        kind: 'gauge',
        label: 'version',
        read: () => ({ [version]: 1 }),
      },
      {
        name: 'start_time_seconds',
        help: 'When it was started, since 1970.',
        kind: 'gauge',
        read: () => startedWallMs / 1000,
      },
      {
        name: 'sockets',
        help: 'WebSocket connections of all parts.',
        kind: 'gauge',
        read: () => sockets.size,
      },
      {
        name: 'resident_memory_bytes',
        help: 'Memory of the process.',
        kind: 'gauge',
        read: () => memoryUsage.rss(),
      },
      {
        name: 'event_loop_lag_seconds',
        help: 'How late the event loop was at most in the last second.',
        kind: 'gauge',
        read: () => lag.maxMs() / 1000,
      },
      {
        name: 'store_bytes',
        help: 'Size of the database with its log.',
        kind: 'gauge',
        read: () => store.bytes(),
      },
      {
        name: 'store_trouble',
        help: '1 while the store cannot be written.',
        kind: 'gauge',
        read: () => (store.trouble() === undefined ? 0 : 1),
      },
    ],
  };
}
