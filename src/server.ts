import { readFileSync } from 'node:fs';
import { Elysia } from 'elysia';
import packageJson from '../package.json';
import { hostAllowed, originAllowed } from './access/browser-guard.ts';
import { isLoopbackHost } from './access/networks.ts';
import { type Part as PartName, partAddress } from './config/listeners.ts';
import type { Loaded } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { Log } from './log.ts';
import { clock } from './clock.ts';
import { dashboardRoutes } from './dashboard-part.ts';
import { watchEventLoop } from './event-loop.ts';
import { ownFigures } from './own-figures.ts';
import { operation } from './openapi.ts';
import { type Crossing, type Part, type Whole } from './part.ts';
import { playersPart } from './players-part.ts';
import { type Refusal, refusedResponse } from './refusal.ts';
import { relayPart } from './relay-part.ts';
import { sessionsPart } from './sessions-part.ts';
import { Sockets, type SocketData, socketRefusals } from './sockets/accept.ts';
import type { Journal } from './status/journal.ts';
import { Metrics } from './status/metrics.ts';
import { healthOperation, readyOperation } from './status/operations.ts';
import { statusPart } from './status-part.ts';
import { openSqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { tasksPart } from './tasks-part.ts';

export interface Running {
  /** Each listener: its URL and the parts on it. */
  listening: readonly { url: string; parts: readonly PartName[] }[];
  /** Sockets that fit under the limit of file descriptors, or as configured. */
  socketsMax: number;
  /** Drains and stops everything, once; resolves when the store is closed. */
  stop(): Promise<void>;
}

export const listenerRefusals = {
  foreignHost: {
    code: 403,
    message: 'This Host is not served here (server.allowed_hosts).',
    retry: false,
  },
  foreignOrigin: {
    code: 403,
    message: 'Pages of this Origin may not do that (server.allowed_origins).',
    retry: false,
  },
} as const satisfies Record<string, Refusal>;

/** After a stop whose time was up: what was said last still has to leave. */
const lastWordsMs = 500;

/** Every part but the status, which comes last, for it shows the others; the players come after the sessions that they ask. */
const partMakers: ((whole: Whole) => Promise<Part>)[] = [
  relayPart,
  tasksPart,
  sessionsPart,
  playersPart,
];

/** File descriptors that are not sockets: the store, listeners, logs, connections to others. */
const descriptorsForOthers = 64;

/**
 * Opens the store and starts every part on its listener. Rejects, with nothing left open, when the
 * data folder is in use, an address is taken, or a certificate is not one.
 */
export async function startServer(
  { config, mls }: Pick<Loaded, 'config' | 'mls'>,
  log: Log,
  journal: Journal,
): Promise<Running> {
  const { server: settings } = config;
  const metrics = new Metrics();
  const store = await openSqliteStore({
    folder: settings.data_dir,
    onEvent: ({ level, event, ...fields }) => log(level, 'store', event, fields),
    onCommit: metrics.timing('store', {
      name: 'commit_seconds',
      help: 'How long a group of writes took until it was synced.',
    }),
  });
  const lag = watchEventLoop();
  const total = settings.sockets_max || socketsThatFit(mls.tasks_max);
  const sockets = new Sockets(
    { total, perAddress: settings.sockets_per_address },
    (event, fields) => log('warn', 'server', event, fields),
  );
  const listeners: Elysia[] = [];
  const listening: Running['listening'][number][] = [];
  const parts: Part[] = [];

  async function close(): Promise<void> {
    for (const listener of listeners) await listener.server?.stop(true);
    lag.end();
    await store.close();
  }

  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= drainAndClose());

  async function drainAndClose(): Promise<void> {
    const endMs = clock.now() + settings.drain_timeout;
    const leftMs = () => Math.max(0, endMs - clock.now());
    sockets.draining = true;
    await Promise.all(parts.map((part) => part.drain(leftMs())));
    // Closing frames and last answers are on their way; who does not read is not waited for long.
    const lastMs = Math.max(endMs, clock.now() + lastWordsMs);
    const isBusy = ({ server }: Elysia) =>
      server!.pendingWebSockets > 0 || server!.pendingRequests > 0;
    while (listeners.some(isBusy) && clock.now() < lastMs) await Bun.sleep(5);
    await close();
  }

  try {
    const crossing: Crossing = {};
    const { timing } = metrics;
    const self = {
      version: packageJson.version,
      instance: settings.instance_name,
      startedWallMs: clock.wallMs(),
      nowWallMs: clock.wallMs,
    };
    const whole: Whole = { config, mls, store, sockets, log, crossing, timing, self };
    for (const make of partMakers) parts.push(await make(whole));
    const own = ownFigures(sockets, store, lag, self);
    const lagMs = lag.maxMs;
    const everywhere = healthApp(sockets, store);
    const dashboard = dashboardRoutes(mls);
    const shownBy = { own, lagMs, journal, metrics, everywhere, dashboard };
    parts.push(await statusPart({ ...whole, ...shownBy, parts: [...parts] }));
    for (const [address, group] of byAddress(parts, config, (name) =>
      partAddress(name, config, mls),
    )) {
      const names = group.map(({ name }) => name);
      const apps = [
        everywhere,
        ...group.map(({ app }) => app),
        ...parts.flatMap(({ beside }) =>
          beside && names.includes(beside.part) ? beside.apps : [],
        ),
      ];
      const app = listener(apps, address.host, config, sockets, log);
      const tls = settings.tls.cert
        ? { cert: readFileSync(settings.tls.cert), key: readFileSync(settings.tls.key) }
        : undefined;
      app.listen({
        hostname: address.host,
        port: address.port,
        // Two servers on one port would each get some of the connections, without a word.
        reusePort: false,
        development: false,
        // Each route has a bound of its own and says so; Bun's 413 has no words.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        websocket: sockets.handlers(Math.max(...group.map((part) => part.socketBytesMax))),
        ...(tls && { tls }),
      } as Parameters<typeof app.listen>[0]);
      listeners.push(app);
      const server = app.server as unknown as Bun.Server<SocketData>;
      for (const part of group) part.served.bind(server);
      const host = address.host.includes(':') ? `[${address.host}]` : address.host;
      const url = `${tls ? 'https' : 'http'}://${host}:${server.port}`;
      listening.push({ url, parts: names });
    }
  } catch (error) {
    for (const part of parts) await part.drain(0);
    await close();
    throw error;
  }
  return { listening, socketsMax: total, stop };
}

interface Address {
  host: string;
  port: number;
}

/** Parts that share a listener: those of one host and port; port 0 only with `--port 0`. */
function byAddress(
  parts: readonly Part[],
  { sharedPort }: Config,
  addressOf: (name: PartName) => Address,
): [Address, Part[]][] {
  const groups = new Map<string, [Address, Part[]]>();
  for (const part of parts) {
    const address = addressOf(part.name);
    const own = address.port === 0 && !sharedPort ? part.name : '';
    const name = `${address.host} ${address.port} ${own}`;
    const group = groups.get(name) ?? [address, []];
    group[1].push(part);
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** One listener: its routes, and the guard against web pages of others. */
function listener(
  apps: readonly Elysia[],
  host: string,
  { server: settings }: Config,
  sockets: Sockets,
  log: Log,
): Elysia {
  const isLocal = isLoopbackHost(host);
  let goodHost: string | undefined;

  function guard({ headers, method }: Request): Response | undefined {
    const name = headers.get('host') ?? '';
    // One name asks nearly always, and looking at it costs as much as all else here.
    if (name !== goodHost) {
      if (!hostAllowed(name, isLocal, settings.allowed_hosts))
        return refusedResponse(listenerRefusals.foreignHost);
      goodHost = name;
    }
    const acts = (method !== 'GET' && method !== 'HEAD') || headers.has('upgrade');
    if (acts && !originAllowed(headers.get('origin'), name, settings.allowed_origins))
      return refusedResponse(listenerRefusals.foreignOrigin);
    if (sockets.draining && headers.has('upgrade')) return refusedResponse(socketRefusals.draining);
    return undefined;
  }

  const app = new Elysia({ normalize: false })
    // With `onRequest` Elysia takes every URL apart, which costs as much as the guard itself.
    .wrap((handle, request) => {
      const refused = guard(request);
      return refused === undefined ? handle : () => refused;
    })
    .onError(({ code, error }) => {
      if (code === 'NOT_FOUND')
        return errorResponse(404, 'not_found', 'There is nothing at this path.');
      log('error', 'server', 'fault', { message: String(error), stack: (error as Error).stack });
      return errorResponse(500, 'internal', 'Something went wrong here.');
    });
  for (const one of apps) app.use(one);
  return app as unknown as Elysia;
}

/** Whether the server lives, and whether it takes work. */
function healthApp(sockets: Sockets, store: Store): Elysia {
  return new Elysia({ name: 'health' })
    .get('/health', () => ({ status: 'healthy' }), operation(healthOperation))
    .get(
      '/ready',
      () => {
        const reason = sockets.draining ? 'stopping' : store.trouble();
        return reason === undefined
          ? { status: 'ready' }
          : Response.json({ status: 'not ready', reason }, { status: 503 });
      },
      operation(readyOperation),
    ) as unknown as Elysia;
}

function errorResponse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}

/** A task holds two connections that are no sockets of ours; a quarter is kept for them at most. */
function socketsThatFit(tasksMax: number): number {
  const limit = descriptorLimit();
  return limit - descriptorsForOthers - Math.min(2 * tasksMax, Math.floor(limit / 4));
}

/** How many files this process may have open. */
function descriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
    if (soft > 0) return soft;
  } catch {
    // Not Linux.
  }
  const asked = Bun.spawnSync(['sh', '-c', 'ulimit -n']);
  return Number(asked.stdout.toString()) || 1024;
}
