import type { Elysia } from 'elysia';
import { apiKeys } from './access/api-keys.ts';
import { clientAddress } from './access/client-address.ts';
import { networks } from './access/networks.ts';
import { relayKeys } from './config/relay-keys.ts';
import { clock } from './clock.ts';
import { type Part, Served, type Whole } from './part.ts';
import { relayApp } from './relay/app.ts';
import { RelayFrames } from './relay/messages.ts';
import { Relay } from './relay/relay.ts';
import { relayShown } from './relay/shown.ts';

export async function relayPart({ config, store, sockets, log }: Whole): Promise<Part> {
  const { gateway, server } = config;
  const served = new Served();
  const frames = new RelayFrames({
    idLengthMax: server.id_length_max,
    jsonDepthMax: server.json_depth_max,
  });
  const relay = new Relay(
    {
      clock,
      topics: served,
      store,
      frames,
      report: (level, event, fields) => log(level, 'relay', event, fields),
    },
    {
      queueMax: gateway.queue_max,
      handshakeTimeoutMs: gateway.handshake_timeout,
      pingIntervalMs: gateway.ping_interval,
      readDeadlineMs: gateway.read_deadline,
      botCheckTimeoutMs: gateway.bot_check_timeout,
      receiptIntervalMs: gateway.receipt_interval,
      slowBytes: gateway.slow_bytes,
      tooSlowBytes: gateway.too_slow_bytes,
      slowTimeoutMs: gateway.slow_timeout,
      rateLimit: gateway.rate_limit,
      rateLimitTimeoutMs: gateway.rate_limit_timeout,
      unacknowledgedMax: gateway.unacknowledged_max,
      waitingFramesMax: gateway.waiting_frames_max,
      ringsMax: gateway.rings_max,
      ringBytesMax: gateway.ring_bytes_max,
      keyRingBytesMax: gateway.key_ring_bytes_max,
      unreceiptedBytesMax: gateway.unreceipted_bytes_max,
    },
  );
  await relay.begin();
  const trusted = networks(server.trusted_proxies);
  const bytesMax = gateway.body_size * 1024 * 1024;
  const app = relayApp({
    relay,
    keys: apiKeys(relayKeys(config)),
    sockets,
    bytesMax,
    addressOf: (request, server) =>
      clientAddress(server.requestIP(request)?.address ?? '', request.headers, trusted).address,
    report: (event, fields) => log('warn', 'relay', event, fields),
  });
  return {
    name: 'relay',
    app: app as unknown as Elysia,
    served,
    shown: relayShown(relay, clock),
    socketBytesMax: bytesMax,
    drain: (budgetMs) => relay.drain(budgetMs),
  };
}
