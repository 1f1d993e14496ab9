import { expect, test } from 'bun:test';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts';

test('durations are loaded as milliseconds', () => {
  const written = ['100ms', '30s', '5m', '24h', '7d', '0s'];
  expect(written.map(parseDuration)).toEqual([100, 30_000, 300_000, 86_400_000, 604_800_000, 0]);
});

test('sizes are loaded as bytes, a thousand being 1024', () => {
  expect(['1B', '2KB', '2MB', '1GB'].map(parseSize)).toEqual([1, 2048, 2 * 1024 ** 2, 1024 ** 3]);
});

test.each(['', '5', 's', '-5s', '1.5s', '5 s', '5S', ' 5s', '5s\n', '5mb', '٣s', '5constructor'])(
  '%j is neither a duration nor a size',
  (text) => {
    expect([parseDuration(text), parseSize(text)]).toEqual([undefined, undefined]);
  },
);

test('what is formatted is the shortest form and parses to the same', () => {
  expect([0, 1, 999, 1500, 90_000, 86_400_000].map(formatDuration)).toEqual([
    ...['0s', '1ms', '999ms', '1500ms', '90s', '1d'],
  ]);
  expect([0, 1, 1023, 1536 * 1024, 3 * 1024 ** 3].map(formatSize)).toEqual([
    ...['0B', '1B', '1023B', '1536KB', '3GB'],
  ]);
  for (let value = 1; value < 1e12; value = value * 7 + 3) {
    expect(parseDuration(formatDuration(value))).toBe(value);
    expect(parseSize(formatSize(value))).toBe(value);
  }
});
