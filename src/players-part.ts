import { join } from 'node:path';
import type { Elysia } from 'elysia';
import { clientAddress } from './access/client-address.ts';
import { networks } from './access/networks.ts';
import { clock } from './clock.ts';
import { type Part, Served, type Whole } from './part.ts';
import { playersApp } from './players/app.ts';
import { filesIn } from './players/files.ts';
import { PlayerFrames } from './players/messages.ts';
import { Players } from './players/players.ts';
import { changesPace } from './players/presence-changes.ts';
import { playersShown } from './players/shown.ts';
import { protocolSizes } from './players/transfer-ports.ts';
import { Transfers } from './players/transfers.ts';

const mib = 1024 ** 2;

export async function playersPart({
  config,
  store,
  sockets,
  log,
  crossing,
  self,
}: Whole): Promise<Part> {
  const { players: settings, server } = config;
  const { files } = settings;
  const served = new Served();
  const frames = new PlayerFrames({
    idLengthMax: server.id_length_max,
    jsonDepthMax: server.json_depth_max,
    charsMax: settings.message_bytes,
  });
  const report = (level: 'info' | 'warn' | 'error', event: string, fields: object) =>
    log(level, 'players', event, fields);
  const transfers = new Transfers(
    {
      clock,
      files: await filesIn(join(server.data_dir, 'transfers')),
      records: store.records,
      newId: () => crypto.randomUUID().replaceAll('-', ''),
      seatOf: (userId) => players.presence.seatOf(userId),
      report,
    },
    {
      fileBytesMax: files.max_file_mb * mib,
      legacyBytesMax: files.legacy_mb * mib,
      keepMs: files.keep_hours * 3_600_000,
      resumeMs: files.resume_hours * 3_600_000,
      stallMs: files.stall_timeout,
      perUserMax: files.transfers_per_user,
      userFilesMax: files.files_per_user,
      filesMax: files.files_max,
      userBytesMax: files.user_quota_mb * mib,
      totalBytesMax: files.total_quota_mb * mib,
      freeBytesMin: files.min_free_mb * mib,
      memoryBytesMax: files.memory_bytes,
      sizes: protocolSizes,
    },
  );
  const players: Players = new Players(
    {
      clock,
      topics: served,
      store,
      frames,
      enter: crossing.enterSession!,
      instanceName: server.instance_name,
      newId: () => crypto.randomUUID(),
      transfers,
      report,
    },
    {
      playersMax: settings.limit,
      queueMax: settings.queue_max,
      ringsMax: settings.rings_max,
      ringBytesMax: settings.ring_bytes_max,
      senderRingBytesMax: settings.sender_ring_bytes_max,
      awayRingsPerSender: settings.away_rings_per_sender,
      awayRingsPerAddress: settings.away_rings_per_address,
      reconnectGraceMs: settings.reconnect_grace,
      handshakeTimeoutMs: settings.handshake_timeout,
      pingIntervalMs: settings.ping_interval,
      readDeadlineMs: settings.read_deadline,
      receiptIntervalMs: settings.receipt_interval,
      slowBytes: settings.slow_bytes,
      tooSlowBytes: settings.too_slow_bytes,
      slowTimeoutMs: settings.slow_timeout,
      unreceiptedMax: settings.ring_bytes_max,
      linksMax: settings.links_max,
      channelsMax: settings.channels_max,
      unacknowledgedMax: settings.unacknowledged_max,
      rateLimit: settings.rate_limit,
      changesPace,
    },
  );
  await players.begin();
  const trusted = networks(server.trusted_proxies);
  const bytesMax = Math.max(1, files.legacy_mb) * mib;
  const app = playersApp({
    players,
    sockets,
    bytesMax,
    unauthenticatedMax: settings.unauthenticated_max,
    server: () => served.server,
    addressOf: (request) =>
      clientAddress(served.server.requestIP(request)?.address ?? '', request.headers, trusted)
        .address,
  });
  return {
    name: 'players',
    app: app as unknown as Elysia,
    served,
    shown: playersShown({ players, transfers, playersMax: settings.limit, self }),
    socketBytesMax: bytesMax,
    drain: (budgetMs) => players.drain(budgetMs),
  };
}
