import { Type } from '@sinclair/typebox';
import { byWord } from '../refusal.ts';
import type { Action, List, Meter, Shown } from '../shown.ts';
import type { AuthSockets } from './auth-sockets.ts';
import type { Sessions } from './sessions.ts';
import type { Session } from './shelf.ts';

/** What operators see of the sessions, and can do to them. */
export function sessionsShown(sessions: Sessions, authSockets: AuthSockets): Shown {
  return {
    meters: metersOf(sessions, authSockets),
    lists: [listOf(sessions)],
    actions: actionsOn(sessions),
  };
}

function metersOf(sessions: Sessions, authSockets: AuthSockets): Meter[] {
  const { figures } = sessions;
  return [
    { name: 'sessions', help: 'Sessions alive.', kind: 'gauge', read: () => sessions.size },
    {
      name: 'sockets',
      help: 'Connections of `/auth`.',
      kind: 'gauge',
      read: () => authSockets.size,
    },
    {
      name: 'claims',
      help: 'Users with a secret.',
      kind: 'gauge',
      read: () => sessions.claimCount,
    },
    {
      name: 'hashes_waiting',
      help: 'Secrets that wait for their turn to be hashed.',
      kind: 'gauge',
      read: () => sessions.hashesWaiting,
    },
    {
      name: 'begun_total',
      help: 'Sessions that were granted.',
      kind: 'counter',
      read: () => figures.begun,
    },
    {
      name: 'ended_total',
      help: 'Sessions that ended, and why.',
      kind: 'counter',
      label: 'why',
      read: () => figures.ended,
    },
    {
      name: 'refused_total',
      help: 'Requests that were refused, and connections that were ended for what they did.',
      kind: 'counter',
      label: 'reason',
      read: () => byWord(figures.refused),
    },
  ];
}

const time = Type.String({ format: 'date-time' });

const entry = Type.Object(
  {
    id: Type.String({ description: 'What the session is called here; no part of its token.' }),
    userId: Type.String(),
    createdAt: time,
    expiresAt: time,
    lastSeenAt: time,
    clientAddress: Type.Union([Type.String(), Type.Null()], {
      description: 'Whose request made it; null when an earlier version did.',
    }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        id: 'q3J5s0aZk1VxT_9d',
        userId: 'alice',
        createdAt: '2026-01-02T03:04:05.678Z',
        expiresAt: '2026-01-03T03:04:05.678Z',
        lastSeenAt: '2026-01-02T03:04:05.678Z',
        clientAddress: '192.0.2.7',
      },
    ],
  },
);

function listOf(sessions: Sessions): List<Session> {
  return {
    path: '/sessions',
    summary: 'Sessions that are alive, oldest first.',
    entry,
    items: () => sessions.alive(),
    numberOf: ({ number }) => number,
    view: ({ id, userId, createdMs, expiresMs, seenMs, address }) => ({
      id,
      userId,
      createdAt: rfc3339(createdMs),
      expiresAt: rfc3339(expiresMs),
      lastSeenAt: rfc3339(seenMs),
      clientAddress: address ?? null,
    }),
    filters: {
      userId: {
        summary: 'Of this user only.',
        matches: ({ userId }, wanted) => userId === wanted,
        items: (wanted) => sessions.aliveOf(wanted),
      },
    },
  };
}

function actionsOn(sessions: Sessions): Action[] {
  return [
    {
      method: 'DELETE',
      path: '/sessions/{id}',
      summary: 'Ends a session: its token is good no longer, its player is disconnected.',
      answer: Type.Object({ ended: Type.Literal(true) }),
      act: async ({ id }) => ((await sessions.revoke(id!)) ? { ended: true } : undefined),
    },
    {
      method: 'DELETE',
      path: '/users/{userId}/secret',
      summary: "Forgets a user's secret, and ends the user's sessions: who comes first binds anew.",
      answer: Type.Object({ unbound: Type.Literal(true), sessionsEnded: Type.Integer() }),
      async act({ userId }) {
        const sessionsEnded = await sessions.unbind(userId!);
        return sessionsEnded === undefined ? undefined : { unbound: true, sessionsEnded };
      },
    },
  ];
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
