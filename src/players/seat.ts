import { type Bucket, newBucket } from '../access/rate-limit.ts';
import type { Recipient } from '../delivery/lane.ts';
import { Answers } from '../sockets/answers.ts';
import type { Clock, Peer } from '../sockets/ports.ts';

/** A connection of a player: Bun's `ServerWebSocket` fits it as it is. */
export interface PlayerPeer extends Peer {
  /** Sends one text or binary frame. */
  send(frame: string | Uint8Array): unknown;
  /** To everybody of the topic but this connection. */
  publish(topic: string, text: string): unknown;
}

/** A session in use. */
export interface SessionInUse {
  userId: string;
  /** The connection is gone: it may expire from now on. */
  leave(): void;
}

/** A connection of `/player`. */
export interface PlayerSeat extends Recipient {
  readonly peer: PlayerPeer;
  /** Where it comes from. */
  readonly address: string;
  readonly openedMs: number;
  readonly answers: Answers;
  state: 'new' | 'open' | 'closed';
  /** Whose it is, once it is open. */
  userId: string;
  /** 1 is today's plugin; 2 knows requests, changes, transfer ids and progress. */
  protocol: 1 | 2;
  session: SessionInUse | undefined;
  readonly bucket: Bucket;
  /** The ping whose round trip is being taken. */
  timedPing: number | undefined;
  /** When the newest ping went out whose round trip was or is being taken. */
  timedMs: number;
  /** The newest round trip. */
  latencyMs: number | undefined;
}

export function newSeat(
  peer: PlayerPeer,
  address: string,
  clock: Clock,
  rateLimit: number,
): PlayerSeat {
  const nowMs = clock.now();
  return {
    peer,
    address,
    openedMs: nowMs,
    answers: new Answers(peer, clock),
    state: 'new',
    userId: '',
    protocol: 1,
    session: undefined,
    bucket: newBucket(nowMs, rateLimit),
    timedPing: undefined,
    timedMs: nowMs,
    latencyMs: undefined,
    seenMs: nowMs,
    pingedMs: nowMs,
    pingsOut: undefined,
    lane: undefined,
    behindSinceMs: 0,
    burst: 0,
    paused: false,
    touched: false,
    closed: false,
  };
}
