import { expect, test } from 'bun:test';
import { newBucket, takeToken } from '../../src/access/rate-limit.ts';

/** How many of `tries` are allowed, one every `everyMs`. */
function allowed(tries: number, everyMs: number, perSecond: number): number {
  const bucket = newBucket(0, perSecond);
  let count = 0;
  for (let index = 0; index < tries; index++) {
    if (takeToken(bucket, index * everyMs, perSecond)) count++;
  }
  return count;
}

test('a burst of one second is allowed, the next one is not', () => {
  expect(allowed(100, 0, 5)).toBe(5);
});

test('over time the rate is what was set, after the first burst', () => {
  // 10 s at 100 tries a second: the burst, and 20 for each second.
  expect(allowed(1000, 10, 20)).toBeWithin(218, 221);
});

test('a rate below one a second still lets one through', () => {
  const bucket = newBucket(0, 0.5);
  const at = (ms: number) => takeToken(bucket, ms, 0.5);
  expect([at(0), at(1999), at(2000), at(2001), at(4000)]).toEqual([true, false, true, false, true]);
});

test('0 is no limit', () => {
  expect(allowed(10_000, 0, 0)).toBe(10_000);
});

test('a long silence saves up one second, no more', () => {
  const bucket = newBucket(0, 3);
  const burst = () => Array.from({ length: 5 }, () => takeToken(bucket, 3_600_000, 3));
  expect(burst()).toEqual([true, true, true, false, false]);
});

test('a clock that is set back neither refills nor blocks', () => {
  const bucket = newBucket(1_000_000, 1);
  expect(takeToken(bucket, 1_000_000, 1)).toBe(true);
  expect(takeToken(bucket, 500_000, 1)).toBe(false);
  expect(takeToken(bucket, 501_000, 1)).toBe(true);
});

test('a rate that is lowered counts at once', () => {
  const bucket = newBucket(0, 1000);
  expect(takeToken(bucket, 0, 1)).toBe(true);
  expect(takeToken(bucket, 0, 1)).toBe(false);
});
