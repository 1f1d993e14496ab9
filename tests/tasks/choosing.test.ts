import { describe, expect, test } from 'bun:test';
import { SeededRandom } from '../sim/random.ts';
import { Stage } from './stage.ts';

/** Asks `count` times, each answered at once; who did it. */
function picks(stage: Stage, count: number, more: object = {}): string[] {
  const from = stage.calls.length;
  for (let n = 0; n < count; n++) {
    stage.ask(more);
    stage.answer();
  }
  return stage.calls.slice(from).map(({ to }) => to);
}

describe('by weight', () => {
  test('weights 5, 1, 1 give a a b a c a a, over and over', () => {
    const stage = new Stage();
    stage.beat('a', { weight: 5 });
    stage.beat('b');
    stage.beat('c');
    expect(picks(stage, 14).join(' ')).toBe('a a b a c a a a a b a c a a');
  });

  test('in a pool that does not change nobody is ever a whole task ahead, and each cycle is exact', () => {
    const random = new SeededRandom(1);
    for (let n = 0; n < 150; n++) {
      const stage = new Stage();
      const weights = Array.from({ length: random.whole(2, 8) }, () => random.whole(1, 20));
      weights.forEach((weight, i) => stage.beat(`w${i}`, { weight }));
      const total = weights.reduce((sum, weight) => sum + weight);
      const counts = weights.map(() => 0);
      picks(stage, 2 * total).forEach((name, i) => {
        counts[Number(name.slice(1))]! += 1;
        weights.forEach((weight, w) =>
          expect(counts[w]! - ((i + 1) * weight) / total).toBeLessThan(1),
        );
        if (i + 1 === total) expect(counts).toEqual(weights);
      });
      expect(counts).toEqual(weights.map((weight) => 2 * weight));
    }
  });

  test('a heartbeat that says the same does not begin the cycle anew', () => {
    const stage = new Stage();
    stage.beat('a', { weight: 2 });
    stage.beat('b');
    const names = [];
    for (let n = 0; n < 6; n++) {
      stage.beat('a', { weight: 2 });
      names.push(...picks(stage, 1));
    }
    expect(names.join(' ')).toBe('a b a a b a');
  });

  test('a worker that failed is given fewer, and its share again pick by pick', () => {
    const stage = new Stage();
    stage.beat('a', { weight: 6 });
    stage.beat('b', { weight: 6 });
    stage.ask({ mayRetry: false });
    stage.close(); // a: its weight is 4 now, and 6 again after two picks
    expect(picks(stage, 12).filter((name) => name === 'a').length).toBeLessThan(6);
    expect(picks(stage, 24).filter((name) => name === 'a').length).toBe(12);
  });
});

describe('by room', () => {
  test('a full worker is passed over until one of its tasks is done', () => {
    const stage = new Stage();
    stage.beat('a', { concurrencyMax: 2 });
    stage.ask();
    stage.ask();
    stage.ask();
    expect(stage.given).toBe('a a');
    expect(stage.told).toEqual(['No healthy worker with room.']);
    stage.answer(stage.calls[0]!);
    stage.ask();
    expect(stage.given).toBe('a a a');
  });

  test('a task counts until the last byte of its answer', () => {
    const stage = new Stage();
    stage.beat('a', { concurrencyMax: 1 });
    stage.ask();
    stage.answer(stage.last, new ReadableStream());
    stage.ask();
    expect(stage.calls).toHaveLength(1);
    stage.last.events.ended();
    stage.ask();
    expect(stage.calls).toHaveLength(2);
  });
});

describe('by region', () => {
  const parents = { a1: 'a', a2: 'a', a: 'top', b: 'top', top: 'global' };

  test('a region is served by itself and what is below it, then by the next one up, then by all', () => {
    const stage = new Stage({}, parents);
    const one = { concurrencyMax: 1 };
    for (const region of ['elsewhere', 'b', 'a', 'a2', 'a1'])
      stage.beat(`in-${region}`, { region, ...one });
    for (let n = 0; n < 5; n++) stage.ask({ region: 'a1' });
    const order = stage.given.split(' ');
    expect(order[0]).toBe('in-a1');
    expect(order.slice(1, 3).sort()).toEqual(['in-a', 'in-a2']);
    expect(order.slice(3)).toEqual(['in-b', 'in-elsewhere']);
  });

  test.each([undefined, '', 'default', 'global'])('%p means any', (region) => {
    const stage = new Stage({}, parents);
    stage.beat('a', { region: 'a1' });
    stage.beat('z', { region: 'elsewhere' });
    expect(picks(stage, 2, { region })).toEqual(['a', 'z']);
  });

  test('a region that nobody knows is served by all, and one called __proto__ too', () => {
    const stage = new Stage({}, parents);
    stage.beat('a', { region: 'a1' });
    expect(picks(stage, 1, { region: 'moon' })).toEqual(['a']);
    expect(picks(stage, 1, { region: '__proto__' })).toEqual(['a']);
    stage.beat('p', { region: '__proto__' });
    expect(picks(stage, 2, { region: '__proto__' })).toEqual(['p', 'p']);
  });

  test('a worker that moves is found where it is now, and nowhere else', () => {
    const stage = new Stage({}, parents);
    stage.beat('a', { region: 'a1' });
    stage.beat('b', { region: 'b' });
    stage.beat('a', { region: 'b' });
    expect(picks(stage, 4, { region: 'b' }).sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(picks(stage, 2, { region: 'a1' }).sort()).toEqual(['a', 'b']);
  });
});

describe('by key', () => {
  const names = Array.from({ length: 10 }, (_, n) => `w${n}`);
  const keys = Array.from({ length: 2000 }, (_, n) => `player-${n}`);
  const ownerOf = (stage: Stage) => (sticky: string) => picks(stage, 1, { sticky })[0]!;

  test('a key has the same worker each time, in whatever order they came', () => {
    const stage = new Stage();
    const other = new Stage();
    for (const name of names) stage.beat(name);
    for (const name of names.toReversed()) other.beat(name);
    const owners = keys.map(ownerOf(stage));
    expect(keys.map(ownerOf(stage))).toEqual(owners);
    expect(keys.map(ownerOf(other))).toEqual(owners);
  });

  test('keys spread by weight; one that goes hands on its own only', () => {
    const stage = new Stage();
    for (const name of names) stage.beat(name, { weight: name === 'w0' ? 3 : 1 });
    const before = keys.map(ownerOf(stage));
    const share = (name: string) => before.filter((owner) => owner === name).length / keys.length;
    expect(share('w0')).toBeGreaterThan(0.2);
    expect(share('w0')).toBeLessThan(0.3);
    for (const name of names.slice(1)) {
      expect(share(name)).toBeGreaterThan(0.05);
      expect(share(name)).toBeLessThan(0.12);
    }
    stage.workers.leave(stage.workers.byId.get('w3')!, 'test');
    const after = keys.map(ownerOf(stage));
    after.forEach((owner, i) => {
      if (before[i] !== 'w3') expect(owner).toBe(before[i]!);
      else expect(owner).not.toBe('w3');
    });
  });

  test('while its worker is full or has failed, a key goes to another, always the same', () => {
    const stage = new Stage();
    for (const name of names) stage.beat(name, { concurrencyMax: 1 });
    stage.ask({ sticky: 'k' });
    const first = stage.last;
    stage.ask({ sticky: 'k' });
    const second = stage.last;
    expect(second.to).not.toBe(first.to);
    stage.close(first);
    expect(stage.last.to).not.toBe(second.to); // it is full, too
    stage.answer(second);
    stage.ask({ sticky: 'k' });
    expect(stage.last.to).toBe(first.to);
  });
});
