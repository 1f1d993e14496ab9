import { describe, expect, test } from 'bun:test';
import { Deadlines, type Due, nowhere } from '../src/deadlines.ts';
import { SimClock } from './sim/clock.ts';
import { SeededRandom } from './sim/random.ts';

/** How late somebody may be told. */
const tickMs = 20;

function stage() {
  const clock = new SimClock();
  let timers = 0;
  const deadlines = new Deadlines({
    now: () => clock.now(),
    after: (delayMs, fn) => {
      timers += 1;
      return clock.after(delayMs, fn);
    },
  });
  const beginMs = clock.now();
  const told: string[] = [];
  /** Waits for so long; leaves when told, unless `then` does something else. */
  function wait(name: string, forMs: number, then?: (one: Due) => void): Due {
    const one: Due = {
      dueMs: clock.now() + forMs,
      place: nowhere,
      due: () => {
        told.push(`${name} ${clock.now() - beginMs}`);
        if (then) then(one);
        else deadlines.delete(one);
      },
    };
    deadlines.add(one);
    return one;
  }
  return { clock, deadlines, told, wait, timers: () => timers };
}

describe('whose time has come', () => {
  test('is told once, and at once where nobody was shortly before', async () => {
    const { clock, deadlines, told, wait } = stage();
    wait('b', 300);
    wait('a', 100);
    await clock.run(99);
    expect(told).toEqual([]);
    await clock.run(5_000);
    expect(told).toEqual(['a 100', 'b 300']);
    expect(deadlines.size).toBe(0);
  });

  test('is told at most a tick late where many come one after the other', async () => {
    const { clock, told, wait, timers } = stage();
    for (let ms = 100; ms < 200; ms++) wait(String(ms), ms);
    await clock.run(1_000);
    const times = told.map((one) => one.split(' ').map(Number)).sort(([a], [b]) => a! - b!);
    expect(times.map(([name]) => name)).toEqual(Array.from({ length: 100 }, (_, n) => 100 + n));
    for (const [dueMs, toldMs] of times) {
      expect(toldMs).toBeGreaterThanOrEqual(dueMs!);
      expect(toldMs).toBeLessThanOrEqual(dueMs! + tickMs);
    }
    expect(timers()).toBeLessThan(10);
  });

  test('is told again each tick until it leaves or moves on', async () => {
    const { clock, deadlines, told, wait } = stage();
    const stays = wait('stays', 100, () => {});
    await clock.run(150);
    expect(told).toEqual(['stays 100', 'stays 120', 'stays 140']);
    deadlines.delete(stays);
    wait('moves', 50, (one) => (one.dueMs = clock.now() + (told.length < 6 ? 200 : Infinity)));
    await clock.run(5_000);
    expect(told.slice(3)).toEqual(['moves 200', 'moves 400', 'moves 600']);
  });

  test('may let others go, and come', async () => {
    const { clock, deadlines, told, wait } = stage();
    const others: Due[] = [];
    wait('first', 100, (one) => {
      deadlines.delete(one);
      for (const other of others) deadlines.delete(other);
      wait('new', 0);
      wait('late', 50);
    });
    for (let n = 0; n < 5; n++) others.push(wait(`other ${n}`, 100));
    await clock.run(5_000);
    expect(told[0]).toBe('first 100');
    expect(told.slice(1).map((one) => one.split(' ')[0])).toEqual(['new', 'late']);
    expect(deadlines.size).toBe(0);
  });
});

test('who has left is not told, however often it goes', async () => {
  const { clock, deadlines, told, wait } = stage();
  const [gone, stays] = [wait('gone', 100), wait('stays', 100)];
  deadlines.delete(gone);
  deadlines.delete(gone);
  expect(deadlines.all()).toEqual([stays]);
  await clock.run(1_000);
  expect(told).toEqual(['stays 100']);
});

test('who is added anew with an earlier time is told then, and once', async () => {
  const { clock, deadlines, told, wait } = stage();
  const one = wait('a', 60_000);
  one.dueMs = clock.now() + 200;
  deadlines.add(one);
  expect(deadlines.size).toBe(1);
  await clock.run(100_000);
  expect(told).toEqual(['a 200']);
});

test('a hundred thousand that come and go take no timer each', async () => {
  const { clock, deadlines, told, wait, timers } = stage();
  for (let n = 0; n < 1_000; n++) {
    for (let i = 0; i < 100; i++) deadlines.delete(wait('never', 15_000));
    await clock.run(1);
  }
  expect(timers()).toBe(1);
  expect(told).toEqual([]);
});

test('whatever comes, goes and moves: each that stays is told in time, no other', async () => {
  const random = new SeededRandom(11);
  const { clock, deadlines, told, wait } = stage();
  const expected = new Map<string, number>();
  const waiting = new Map<string, Due>();
  const beginMs = clock.now();
  for (let n = 0; n < 5_000; n++) {
    const forMs = random.whole(0, 500);
    waiting.set(`w${n}`, wait(`w${n}`, forMs));
    expected.set(`w${n}`, clock.now() + forMs);
    const [name, one] = random.pick([...waiting].slice(-20))!;
    if (one.place !== nowhere && random.chance(0.3)) {
      deadlines.delete(one);
      expected.delete(name);
    } else if (one.place !== nowhere && random.chance(0.5)) {
      one.dueMs = clock.now() + random.whole(0, 800);
      deadlines.add(one);
      expected.set(name, one.dueMs);
    }
    await clock.run(random.pick([0, 0, 1, 7]));
  }
  await clock.run(2_000);
  expect(told).toHaveLength(expected.size);
  for (const one of told) {
    const [name, toldMs] = one.split(' ') as [string, string];
    const lateMs = beginMs + Number(toldMs) - expected.get(name)!;
    expect([name, lateMs >= 0 && lateMs <= tickMs]).toEqual([name, true]);
  }
});
