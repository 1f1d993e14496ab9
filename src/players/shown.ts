import { Type } from '@sinclair/typebox';
import type { Action, List, Page, Shown } from '../shown.ts';
import { type FilesShown, metersOf } from './meters.ts';
import type { Players } from './players.ts';
import type { Online } from './presence.ts';

export interface PlayersShownPorts {
  players: Players;
  transfers: FilesShown;
  /** Players at a time. */
  playersMax: number;
  self: { version: string; instance: string; startedWallMs: number; nowWallMs(): number };
}

/** What operators see of the players, and can do to them. */
export function playersShown(ports: PlayersShownPorts): Shown {
  const { players, transfers } = ports;
  return {
    meters: metersOf(players, transfers),
    lists: [listOf(ports)],
    pages: [countOf(players), serverInfo(ports)],
    actions: [disconnecting(players), broadcasting(players)],
  };
}

const entry = Type.Object(
  {
    userId: Type.String(),
    userName: Type.Union([Type.String(), Type.Null()]),
    connectedAt: Type.String({ format: 'date-time' }),
    instance: Type.String(),
    latencyMs: Type.Union([Type.Number(), Type.Null()], {
      description: 'The newest round trip of a ping; null before the first.',
    }),
    transfers: Type.Array(
      Type.Object({
        direction: Type.Union([Type.Literal('sending'), Type.Literal('receiving')]),
        withUserId: Type.String(),
        fileName: Type.String(),
        fileSize: Type.Integer(),
        bytes: Type.Integer({ description: 'That came from it, or that it was sent.' }),
      }),
      { description: 'Files under way.' },
    ),
  },
  {
    examples: [
      {
        userId: 'alice',
        userName: 'Alice',
        connectedAt: '2026-01-02T03:04:05.678Z',
        instance: 'moonstead',
        latencyMs: 23.4,
        transfers: [
          {
            direction: 'sending',
            withUserId: 'bob',
            fileName: 'photo.png',
            fileSize: 1048576,
            bytes: 262144,
          },
        ],
      },
    ],
  },
);

function listOf({ players, transfers, self }: PlayersShownPorts): List<Online> {
  return {
    path: '/players',
    summary: 'Players who are online, in the order in which they connected.',
    entry,
    items: () => players.presence.all(),
    numberOf: ({ number }) => number,
    view: ({ user: { userId, userName }, seat: { latencyMs }, connectedMs }) => ({
      userId,
      userName: userName ?? null,
      connectedAt: new Date(connectedMs).toISOString(),
      instance: self.instance,
      latencyMs: latencyMs === undefined ? null : Math.round(latencyMs * 10) / 10,
      transfers: transfers.of(userId),
    }),
    filters: {
      userId: {
        summary: 'This user only.',
        matches: ({ user }, wanted) => user.userId === wanted,
        items: (wanted) => players.presence.allOf(wanted),
      },
      userName: {
        summary: 'Those of this name only.',
        matches: ({ user }, wanted) => user.userName === wanted,
      },
    },
  };
}

function countOf({ presence }: Players): Page {
  return {
    path: '/players/count',
    summary: 'How many players are online.',
    answer: Type.Object({ count: Type.Integer() }, { examples: [{ count: 42 }] }),
    read: () => ({ count: presence.size }),
  };
}

/** As today's bots read it, which know several servers. */
function serverInfo({ players, playersMax, self }: PlayersShownPorts): Page {
  return {
    path: '/server_info',
    summary: 'How full the server is.',
    answer: Type.Object(
      {
        total_players_online: Type.Integer(),
        total_max_players: Type.Integer(),
        servers: Type.Array(
          Type.Object({
            name: Type.String(),
            players_online: Type.Integer(),
            max_players: Type.Integer(),
            server_version: Type.String(),
            uptime_seconds: Type.Integer(),
            status: Type.Literal('on'),
          }),
        ),
      },
      {
        examples: [
          {
            total_players_online: 42,
            total_max_players: 1000,
            servers: [
              {
                name: 'moonstead',
                players_online: 42,
                max_players: 1000,
                server_version: '1.0.0',
                uptime_seconds: 86400,
                status: 'on',
              },
            ],
          },
        ],
      },
    ),
    read() {
      const online = players.presence.size;
      const uptimeMs = self.nowWallMs() - self.startedWallMs;
      const server = {
        name: self.instance,
        players_online: online,
        max_players: playersMax,
        server_version: self.version,
        uptime_seconds: Math.max(0, Math.floor(uptimeMs / 1000)),
        status: 'on',
      };
      return { total_players_online: online, total_max_players: playersMax, servers: [server] };
    },
  };
}

function disconnecting(players: Players): Action {
  return {
    method: 'POST',
    path: '/players/{userId}/disconnect',
    summary: 'Ends the connection of a player, who may come back.',
    answer: Type.Object({ disconnected: Type.Literal(true) }),
    act: async ({ userId }) => (players.disconnect(userId!) ? { disconnected: true } : undefined),
  };
}

const broadcast = Type.Object(
  {
    message: Type.String({
      minLength: 1,
      maxLength: 4096,
      // No half of a surrogate pair, which is no text.
      pattern: '^(?:[^\\uD800-\\uDFFF]|[\\uD800-\\uDBFF][\\uDC00-\\uDFFF])*$',
      description: '1 to 4096 characters',
    }),
  },
  { examples: [{ message: 'The server restarts in five minutes.' }] },
);

function broadcasting(players: Players): Action {
  return {
    method: 'POST',
    path: '/broadcast',
    summary: 'Says something to all players who are online.',
    body: broadcast,
    answer: Type.Object(
      { players: Type.Integer({ description: 'How many were online.' }) },
      { examples: [{ players: 42 }] },
    ),
    act: async (_params, { message }: { message: string }) => ({
      players: players.broadcast(message),
    }),
  };
}
