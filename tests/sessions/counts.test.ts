import { expect, test } from 'bun:test';
import { Counts } from '../../src/sessions/counts.ts';

test('one that is taken back after its window is over gives the next window no room', () => {
  const counts = new Counts(1, 1000);
  counts.add('a', 0);
  counts.add('a', 1000);
  counts.takeBack('a', 0);
  expect(counts.waitMs('a', 1000)).toBe(1000);
  counts.takeBack('a', 1000);
  expect(counts.waitMs('a', 1000)).toBe(0);
});

test('and after nothing at all is no harm', () => {
  const counts = new Counts(1, 1000);
  counts.add('a', 0);
  counts.sweep(1000);
  counts.takeBack('a', 0);
  counts.add('a', 2000);
  expect(counts.waitMs('a', 2000)).toBe(1000);
});
