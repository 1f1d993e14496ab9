import type { Elysia } from 'elysia';
import { originAllowed } from './access/browser-guard.ts';
import { clientAddress } from './access/client-address.ts';
import { networks } from './access/networks.ts';
import { partAddress } from './config/listeners.ts';
import { clock } from './clock.ts';
import { type Part, Served, type Whole } from './part.ts';
import { sessionsApp } from './sessions/app.ts';
import { AuthSockets } from './sessions/auth-sockets.ts';
import { secrets } from './sessions/secrets.ts';
import type { Secrets } from './sessions/secrets-port.ts';
import { Sessions } from './sessions/sessions.ts';
import { sessionsShown } from './sessions/shown.ts';
import type { Timing } from './shown.ts';

/** Largest request, in bytes. */
const requestBytesMax = 16 * 1024;

export async function sessionsPart({
  config,
  mls,
  store,
  sockets,
  log,
  crossing,
  timing,
}: Whole): Promise<Part> {
  const { auth, server } = config;
  const hashed = timing('sessions', {
    name: 'hash_seconds',
    help: 'How long the hashing of a secret took, once it was its turn.',
  });
  const sessions = new Sessions(
    {
      clock,
      store,
      secrets: timed(secrets, hashed),
      report: (level, event, fields) => log(level, 'sessions', event, fields),
    },
    {
      ttlMs: auth.session_ttl,
      requireSecret: auth.require_secret,
      perUserMax: auth.max_sessions_per_user,
      sessionsMax: auth.sessions_max,
      claimsMax: auth.claims_max,
      perMinute: auth.sessions_per_minute,
      guessesPerUser: auth.guesses_per_user,
      guessesPerAddress: auth.guesses_per_address,
      guessWindowMs: auth.guess_window,
      hashesAtOnce: auth.hashes_at_once,
      hashesWaitingMax: auth.hashes_waiting,
    },
  );
  await sessions.begin();
  crossing.enterSession = (token, onEnd) => sessions.enter(token, onEnd);
  const authSockets = new AuthSockets(
    { clock, sessions },
    {
      handshakeTimeoutMs: auth.handshake_timeout,
      pingIntervalMs: auth.ping_interval,
      jsonDepthMax: server.json_depth_max,
    },
  );
  authSockets.begin();
  const served = new Served();
  const trusted = networks(server.trusted_proxies);
  const [own, status] = (['sessions', 'status'] as const).map((name) =>
    partAddress(name, config, mls),
  );
  const isBesideStatus =
    own!.host === status!.host &&
    own!.port === status!.port &&
    (own!.port !== 0 || config.sharedPort);
  const app = sessionsApp({
    sessions,
    authSockets,
    sockets,
    bodyLimits: { bytesMax: requestBytesMax, timeoutMs: auth.handshake_timeout },
    jsonDepthMax: server.json_depth_max,
    hasPluginRoute: !isBesideStatus,
    server: () => served.server,
    addressOf: (request) =>
      clientAddress(served.server.requestIP(request)?.address ?? '', request.headers, trusted)
        .address,
    isOfForeignPage: ({ headers }) => {
      const origin = headers.get('origin');
      if (origin !== null)
        return !originAllowed(origin, headers.get('host'), server.allowed_origins);
      // An image, a link or a form: no `Origin`, but most browsers tell whose page it is.
      const site = headers.get('sec-fetch-site');
      return site !== null && site !== 'same-origin' && site !== 'none';
    },
  });
  return {
    name: 'sessions',
    app: app as unknown as Elysia,
    served,
    shown: sessionsShown(sessions, authSockets),
    socketBytesMax: requestBytesMax,
    async drain() {
      sessions.end();
      authSockets.end();
    },
  };
}

function timed(all: Secrets, tell: Timing): Secrets {
  async function time<Value>(work: Promise<Value>): Promise<Value> {
    const beganMs = clock.now();
    try {
      return await work;
    } finally {
      tell((clock.now() - beganMs) / 1000);
    }
  }
  return {
    ...all,
    hash: (secret) => time(all.hash(secret)),
    verify: (secret, hash) => time(all.verify(secret, hash)),
  };
}
