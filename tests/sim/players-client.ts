import type { ChangesPace } from '../../src/players/presence-changes.ts';
import type { PlayerSeat, SessionInUse } from '../../src/players/seat.ts';
import type { SimClient } from './relay-client.ts';

/** What an observer must know of the settings. */
export interface PlayersRules {
  playersMax: number;
  linksMax: number;
  channelsMax: number;
  unacknowledgedMax: number;
  slowBytes: number;
  reconnectGraceMs: number;
  handshakeTimeoutMs: number;
  readDeadlineMs: number;
  changesPace: ChangesPace;
  isCalm: boolean;
}

/** A frame, parsed. */
export type Said = Record<string, any>;
/** An answer that a player waits for: the ack of a message, or an error by its code. */
export interface Awaited {
  msgId?: string;
  statuses?: readonly string[];
  code?: number;
}

/** A connection of a player: both ends of it, and what an observer knows of it. */
export interface SimPlayer {
  readonly name: string;
  readonly wire: SimClient & { publish(topic: string, text: string): void };
  readonly openedMs: number;
  /** When it last showed a sign of life. */
  seenMs: number;
  /** It has been let in, and its end is not known. */
  isIn: boolean;
  userId: string;
  protocol: 1 | 2;
  /** Who is online with which name, as the frames say that it was sent. */
  known: Map<string, string | undefined>;
  /** Since when that is not so any more; undefined while it is. */
  staleMs: number | undefined;
  /** It was sent its first list. */
  isListed: boolean;
  /** It asked for a list, which may have what it is told only then. */
  hasAsked: boolean;
  /** The close code that it must have got by the end of this turn. */
  doom: number | undefined;
  /** Frames in order, each with its time: those that had to come, and those that came. */
  readonly due: string[];
  readonly came: string[];
  readonly awaited: Awaited[];
  /** Sessions that the core uses for it. */
  uses: number;
  token: string | undefined;
  /** By lane: the highest index that it was sent, and the lane's length when it was let in. */
  highest: number;
  joinedAt: number;
}

/** A session as the core is given it, counted. */
export function countedSession(player: SimPlayer, session: SessionInUse): SessionInUse {
  player.uses += 1;
  return {
    userId: session.userId,
    leave: () => {
      player.uses -= 1;
      session.leave();
    },
  };
}

export function newPlayer(
  name: string,
  nowMs: number,
  wire: SimClient,
  publish: (topic: string, text: string) => void,
): SimPlayer {
  return {
    name,
    wire: Object.assign(wire, { publish }),
    openedMs: nowMs,
    seenMs: nowMs,
    isIn: false,
    userId: '',
    protocol: 1,
    known: new Map(),
    staleMs: undefined,
    isListed: false,
    hasAsked: false,
    doom: undefined,
    due: [],
    came: [],
    awaited: [],
    uses: 0,
    token: undefined,
    highest: -1,
    joinedAt: 0,
  };
}

/** The first frame in which what came differs from what was due. */
export function difference(due: readonly string[], came: readonly string[]): string {
  const at = due.findIndex((frame, i) => frame !== came[i]);
  const i = at < 0 ? due.length : at;
  return `sent ${came[i]} instead of ${due[i]}`;
}

/** Whether that is what it knows of who is online. */
export function knows(
  { known }: SimPlayer,
  online: ReadonlyMap<string, { userName: string | undefined }>,
): boolean {
  if (known.size !== online.size) return false;
  for (const [userId, { userName }] of online)
    if (!known.has(userId) || known.get(userId) !== userName) return false;
  return true;
}

/** It is told that somebody came or went; what is wrong with that. */
export function hearsOf(player: SimPlayer, { type, userId, userName }: Said): string | undefined {
  const { known, hasAsked, protocol, isListed } = player;
  const isNews = known.has(userId) !== (type === 'user_joined') || known.get(userId) !== userName;
  if (type === 'user_joined') known.set(userId, userName);
  else known.delete(userId);
  if (protocol === 1) return `of protocol 1, is sent ${type}`;
  if (!isListed) return `is told of ${userId} before its list`;
  return isNews || hasAsked ? undefined : `${type} ${userId} is no news`;
}

/** By the core's own account. */
export function isBehind({ wire }: SimPlayer, slowBytes: number): boolean {
  const { behindSinceMs, burst } = wire.data.seat as PlayerSeat;
  return behindSinceMs !== 0 || burst > slowBytes;
}
