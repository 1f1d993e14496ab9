/** A token bucket: one second's worth of tokens at most, and never less than one. */
export interface Bucket {
  tokens: number;
  /** When `tokens` was true, in milliseconds. */
  atMs: number;
}

/** A full bucket. */
export function newBucket(nowMs: number, perSecond: number): Bucket {
  return { tokens: Math.max(1, perSecond), atMs: nowMs };
}

/**
 * Takes one token, or says false: too fast. `perSecond` may change between calls; 0 is no limit.
 * A clock that is set back refills nothing.
 */
export function takeToken(bucket: Bucket, nowMs: number, perSecond: number): boolean {
  if (perSecond <= 0) return true;
  const refill = (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000;
  bucket.tokens = Math.min(Math.max(1, perSecond), bucket.tokens + refill);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
