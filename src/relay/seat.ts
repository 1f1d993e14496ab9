import type { Bucket } from '../access/rate-limit.ts';
import type { Answers } from '../sockets/answers.ts';
import type { Clock, Peer, Topics } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import type { Recipient } from '../delivery/lane.ts';
import type { RelayFrames } from './messages.ts';

/** What a key may do. `allows` is undefined for a key with every channel. */
export interface RelayKey {
  name: string;
  role?: 'mod' | 'bot' | undefined;
  allows?: ((channel: string) => boolean) | undefined;
}

export interface RelayLimits {
  queueMax: number;
  handshakeTimeoutMs: number;
  pingIntervalMs: number;
  readDeadlineMs: number;
  botCheckTimeoutMs: number;
  receiptIntervalMs: number;
  slowBytes: number;
  tooSlowBytes: number;
  slowTimeoutMs: number;
  /** Messages a second of one connection; 0 is off. */
  rateLimit: number;
  rateLimitTimeoutMs: number;
  unacknowledgedMax: number;
  waitingFramesMax: number;
  ringsMax: number;
  ringBytesMax: number;
  keyRingBytesMax: number;
  unreceiptedBytesMax: number;
}

export interface RelayPorts {
  clock: Clock;
  topics: Topics;
  store: Store;
  frames: RelayFrames;
  /** An event for the operator. Never gets chat text or keys. */
  report(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: object): void;
}

/** A connection of the relay. */
export interface Seat extends Recipient {
  readonly key: RelayKey;
  readonly openedMs: number;
  /** From its first message on. */
  answers: Answers | undefined;
  state: 'new' | 'waiting' | 'open' | 'closed';
  role: 'mod' | 'bot' | undefined;
  /** server_id or bot_id. */
  id: string;
  channel: string;
  bucket: Bucket | undefined;
  /** Since when, and when last, it was told 429 on end. */
  overSinceMs: number;
  overLastMs: number;
}

/** A connection that has said nothing yet. */
export function newSeat(peer: Peer, key: RelayKey, nowMs: number): Seat {
  return {
    peer,
    key,
    openedMs: nowMs,
    answers: undefined,
    seenMs: nowMs,
    pingedMs: nowMs,
    pingsOut: undefined,
    lane: undefined,
    state: 'new',
    role: undefined,
    id: '',
    channel: '',
    bucket: undefined,
    overSinceMs: 0,
    overLastMs: -Infinity,
    behindSinceMs: 0,
    burst: 0,
    paused: false,
    touched: false,
    closed: false,
  };
}
