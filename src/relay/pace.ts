import { newBucket, takeToken } from '../access/rate-limit.ts';
import type { Answers } from '../sockets/answers.ts';
import type { RelayLimits, Seat } from './seat.ts';

/** Times `unacknowledgedMax`: how many answers of one connection may wait, refusals included. */
const lineMax = 64;

/** The bound that one more message of this connection breaks, as the settings name it. */
export function overBound(
  seat: Seat,
  answers: Answers,
  nowMs: number,
  { rateLimit, unacknowledgedMax }: RelayLimits,
): string | undefined {
  if (answers.waiting >= unacknowledgedMax) return 'gateway.unacknowledged_max';
  if (rateLimit === 0) return undefined;
  seat.bucket ??= newBucket(nowMs, rateLimit);
  return takeToken(seat.bucket, nowMs, rateLimit) ? undefined : 'gateway.rate_limit';
}

/** Notes a refusal; says whether they have gone on for so long, or so many, that it has to end. */
export function isFlood(
  seat: Seat,
  answers: Answers,
  nowMs: number,
  { rateLimitTimeoutMs, unacknowledgedMax }: RelayLimits,
): boolean {
  // A second without a refusal ends a run of them.
  if (nowMs - seat.overLastMs > 1000) seat.overSinceMs = nowMs;
  seat.overLastMs = nowMs;
  // Refusals wait in line too, and the line has an end.
  const isEndless = answers.waiting > lineMax * unacknowledgedMax;
  return isEndless || nowMs - seat.overSinceMs >= rateLimitTimeoutMs;
}
