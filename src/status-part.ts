import type { Elysia } from 'elysia';
import { apiKeys } from './access/api-keys.ts';
import { clientAddress } from './access/client-address.ts';
import { isLoopbackHost, networks } from './access/networks.ts';
import { clock } from './clock.ts';
import { partAddress } from './config/listeners.ts';
import { type Part, Served, type Whole } from './part.ts';
import type { Shown } from './shown.ts';
import { actingApp, type Mount, readingApp } from './status/app.ts';
import { docsApp } from './status/docs.ts';
import { History } from './status/history.ts';
import type { Journal } from './status/journal.ts';
import { Live } from './status/live.ts';
import type { Metrics } from './status/metrics.ts';
import { numbersOf, selfPages, statsPage, type Self } from './status/stats.ts';

/** Largest request of an operator, in bytes. */
const requestBytesMax = 64 * 1024;

export interface StatusWhole extends Whole {
  /** All the others. */
  parts: readonly Part[];
  /** What every listener has. */
  everywhere: Elysia;
  /** What that of the tasks has beside them. */
  dashboard: Elysia | undefined;
  /** What the program shows of itself. */
  own: Shown;
  self: Self;
  lagMs(): number;
  journal: Journal;
  metrics: Metrics;
}

/** Comes last: it shows what all the others hand over. */
export async function statusPart(whole: StatusWhole): Promise<Part> {
  const { config, mls, log, parts, journal, metrics, self, lagMs, dashboard } = whole;
  const { api, server } = config;
  const shown = new Map<string, Shown>([['server', whole.own]]);
  for (const { name, shown: its } of parts) shown.set(name, its);
  for (const [part, { meters }] of shown) metrics.show(part, meters);
  const stats = statsPage(shown, self);
  const history = new History({ clock, read: () => numbersOf(shown) });
  const live = new Live(
    { clock, journal, stats: () => JSON.stringify(stats.read()) },
    { readersMax: api.live_readers_max, stallMs: api.live_stall_timeout },
  );
  const own: Shown = {
    meters: [
      {
        name: 'live_readers',
        help: 'Readers of the live feed.',
        kind: 'gauge',
        read: () => live.size,
      },
    ],
    pages: [stats, history.page, ...selfPages(self, lagMs)],
  };
  shown.set('status', own);
  metrics.show('status', own.meters);
  const ports = {
    shown,
    keys: apiKeys(api.keys),
    isPublic: api.public,
    journal,
    live,
    metrics: () => metrics.text(),
    bodyLimits: { bytesMax: requestBytesMax, timeoutMs: server.body_timeout },
    jsonDepthMax: server.json_depth_max,
    report: (level: 'info' | 'warn', event: string, fields: object) =>
      log(level, 'status', event, fields),
  };
  const trusted = networks(server.trusted_proxies);
  const mountOn = (name: 'status' | 'tasks', served: Served, prefix: string): Mount => ({
    prefix,
    isOpenHere:
      api.keys.length === 0 &&
      server.trusted_proxies.length === 0 &&
      isLoopbackHost(partAddress(name, config, mls).host),
    bearSilence: (request, seconds) => served.server.timeout(request, seconds),
    originOf(request) {
      const peer = served.server.requestIP(request)?.address ?? '';
      const { address, forwarded } = clientAddress(peer, request.headers, trusted);
      return { address, isForwarded: forwarded };
    },
  });
  const served = new Served();
  const here = mountOn('status', served, '');
  const tasks = parts.find(({ name }) => name === 'tasks')!;
  const app = readingApp(ports, here).use(actingApp(ports, here)) as unknown as Elysia;
  const besideTasks = readingApp(ports, mountOn('tasks', tasks.served, '/api'));
  const apps = [besideTasks as unknown as Elysia, ...(dashboard ? [dashboard] : [])];
  if (api.swagger)
    app.use(
      docsApp({
        version: self.version,
        own: served,
        mounted: () => [
          { app: whole.everywhere, prefix: '', on: [...parts.map((part) => part.served), served] },
          ...parts.map((part) => ({ app: part.app, prefix: '', on: [part.served] })),
          ...(dashboard ? [{ app: dashboard, prefix: '', on: [tasks.served] }] : []),
          { app, prefix: '', on: [served] },
          { app: besideTasks as unknown as Elysia, prefix: '/api', on: [tasks.served] },
        ],
      }),
    );
  live.begin();
  history.begin();
  return {
    name: 'status',
    app,
    beside: { part: 'tasks', apps },
    served,
    shown: own,
    socketBytesMax: 0,
    async drain() {
      live.end();
      history.end();
    },
  };
}
