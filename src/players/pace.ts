import { takeToken } from '../access/rate-limit.ts';
import type { PlayersLimits } from './ports.ts';
import type { PlayerSeat } from './seat.ts';

type Deadlines = Pick<
  PlayersLimits,
  'handshakeTimeoutMs' | 'pingIntervalMs' | 'readDeadlineMs' | 'slowTimeoutMs'
>;

/** About as long as the answer to a frame may be, but for lists. */
export const answerChars = 256;

/** How often connections are looked at. */
export function sweepIntervalMs(limits: Deadlines): number {
  const { handshakeTimeoutMs, pingIntervalMs, readDeadlineMs, slowTimeoutMs } = limits;
  const shortest = Math.min(handshakeTimeoutMs, pingIntervalMs, readDeadlineMs, slowTimeoutMs);
  return Math.max(10, Math.min(1000, shortest / 4));
}

/** The first deadline that a connection has missed, or that it is to be pinged. */
export function overdue(
  { state, openedMs, seenMs, behindSinceMs, pingedMs, timedPing, timedMs }: PlayerSeat,
  nowMs: number,
  limits: Deadlines,
): 'handshake' | 'silent' | 'slow' | 'ping' | undefined {
  if (state === 'new' && nowMs - openedMs >= limits.handshakeTimeoutMs) return 'handshake';
  if (nowMs - seenMs >= limits.readDeadlineMs) return 'silent';
  if (behindSinceMs !== 0 && nowMs - behindSinceMs >= limits.slowTimeoutMs) return 'slow';
  // Pings for receipts keep a connection alive, but only the sweep's tell how long one takes.
  const sinceMs = state === 'open' && timedPing === undefined ? timedMs : pingedMs;
  return nowMs - sinceMs >= limits.pingIntervalMs ? 'ping' : undefined;
}

/** Whether one more frame of this connection is too much, or so much that it ends. */
export function paceOf(
  { answers, bucket }: PlayerSeat,
  nowMs: number,
  { unacknowledgedMax, rateLimit }: Pick<PlayersLimits, 'unacknowledgedMax' | 'rateLimit'>,
): 'fine' | 'tooFast' | 'flood' {
  if (answers.waiting > 4 * unacknowledgedMax) return 'flood';
  if (answers.waiting >= unacknowledgedMax) return 'tooFast';
  return takeToken(bucket, nowMs, rateLimit) ? 'fine' : 'tooFast';
}
