import { describe, expect, test } from 'bun:test';
import type { Store } from '../../src/store/store.ts';
import { failure, positionsOf, row, unlimited } from './rows.ts';

/** What the contract says of `put` and of strings; `store` gives the one of the test under way. */
export function putContract(store: () => Store): void {
  describe('put', () => {
    test('keeps position, text, owner and bytes as they were given', async () => {
      const given = { position: 7, text: 'hello', owner: 'the bot', bytes: 5 };
      await store().rings.put('r', [given], 8);
      expect(await store().rings.read('r', 0, unlimited)).toEqual([given]);
    });

    test('keeps the highest positions when the ring is full', async () => {
      for (const position of [1, 2, 3, 4, 5]) await store().rings.put('r', [row(position)], 3);
      expect(await positionsOf(store(), 'r')).toEqual([3, 4, 5]);
    });

    test('pushes out a new row when it is the lowest', async () => {
      await store().rings.put('r', [row(5), row(6), row(7)], 3);
      await store().rings.put('r', [row(4)], 3);
      expect(await positionsOf(store(), 'r')).toEqual([5, 6, 7]);
    });

    test('counts positions, not arrivals, when rows come out of order', async () => {
      await store().rings.put('r', [row(9), row(2), row(5)], 3);
      await store().rings.put('r', [row(7), row(1)], 3);
      expect(await positionsOf(store(), 'r')).toEqual([5, 7, 9]);
    });

    test('replaces the row of the same position', async () => {
      await store().rings.put('r', [row(1, 'old', 'one'), row(2)], 8);
      await store().rings.put('r', [row(1, 'newer text', 'two')], 8);
      expect(await store().rings.read('r', 0, unlimited)).toEqual([
        row(1, 'newer text', 'two'),
        row(2),
      ]);
    });

    test('lets the last of two rows with one position win', async () => {
      await store().rings.put('r', [row(1, 'first'), row(1, 'second')], 8);
      expect(await store().rings.read('r', 0, unlimited)).toEqual([row(1, 'second')]);
    });

    test('keeps of more rows than fit the newest', async () => {
      const rows = Array.from({ length: 20 }, (_, i) => row(i + 1));
      await store().rings.put('r', rows, 4);
      expect(await positionsOf(store(), 'r')).toEqual([17, 18, 19, 20]);
    });

    test('cuts a ring down to a smaller rowsMax, also with no row', async () => {
      await store().rings.put('r', [row(1), row(2), row(3), row(4)], 8);
      await store().rings.put('r', [row(5)], 3);
      expect(await positionsOf(store(), 'r')).toEqual([3, 4, 5]);
      await store().rings.put('r', [], 2);
      expect(await positionsOf(store(), 'r')).toEqual([4, 5]);
      await store().rings.put('r', [row(6)], 0);
      expect(await store().rings.index()).toEqual([]);
    });

    test('does not give back what a smaller rowsMax took in the same turn', async () => {
      await Promise.all([
        store().rings.put('r', [row(1), row(2), row(3)], 8),
        store().rings.put('r', [row(4)], 2),
        store().rings.put('r', [row(5)], 8),
      ]);
      expect(await positionsOf(store(), 'r')).toEqual([3, 4, 5]);
    });

    test('puts all rows of a call or none', async () => {
      await store().rings.put('r', [row(1)], 8);
      const mixed = [row(1, 'changed'), row(2), row(2.5), row(3)];
      expect(await failure(store().rings.put('r', mixed, 1))).toContain('2.5');
      expect(await store().rings.read('r', 0, unlimited)).toEqual([row(1)]);
    });

    test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53])('refuses position %p', async (p) => {
      expect(await failure(store().rings.put('r', [row(p)], 8))).toContain(`above 0: ${p}`);
      expect(await store().rings.index()).toEqual([]);
    });

    test.each([-1, 0.5, Number.NaN, Infinity])('refuses %p as rowsMax and as bytes', async (n) => {
      expect(await failure(store().rings.put('r', [row(1)], n))).toContain(`rowsMax must`);
      const lying = { ...row(1), bytes: n };
      expect(await failure(store().rings.put('r', [lying], 8))).toContain(`bytes must`);
      expect(await store().rings.index()).toEqual([]);
    });

    test('copies its rows in the call', async () => {
      const reused = row(1, 'as submitted');
      const rows = [reused];
      const put = store().rings.put('r', rows, 8);
      reused.text = 'changed afterwards';
      rows.push(row(2));
      await put;
      expect(await store().rings.read('r', 0, unlimited)).toEqual([row(1, 'as submitted')]);
    });

    test('takes positions up to the largest safe integer', async () => {
      const top = Number.MAX_SAFE_INTEGER;
      await store().rings.put('r', [row(top - 2), row(top), row(top - 1)], 2);
      expect(await positionsOf(store(), 'r')).toEqual([top - 1, top]);
      await store().rings.drop('r', [top]);
      expect(await positionsOf(store(), 'r')).toEqual([top - 1]);
    });
  });

  describe('text and names', () => {
    const texts = {
      empty: '',
      'two megabytes': 'é'.repeat(1_048_576),
      'control characters and U+0000': '\u0000a\u0000\u001f\u007f\r\n',
      'quotes of every kind': `'"\`;--\\`,
      'outside the basic plane': '😀🏳️‍🌈𐍈',
      'a byte order mark': '\ufeffhello\ufeff',
    };
    test.each(Object.entries(texts))('%s is kept as it is', async (_, text) => {
      await store().rings.put(text.slice(0, 64), [row(1, text, text.slice(0, 64))], 8);
      const [kept] = await store().rings.read(text.slice(0, 64), 0, unlimited);
      expect(kept).toEqual(row(1, text, text.slice(0, 64)));
    });

    test('a lone surrogate becomes U+FFFD in text, owner and name', async () => {
      const lone = JSON.parse('"a\\ud800b"') as string;
      await store().rings.put(lone, [row(1, lone, lone)], 8);
      const kept = [row(1, 'a\ufffdb', 'a\ufffdb')];
      expect(await store().rings.read(lone, 0, unlimited)).toEqual(kept);
      expect(await store().rings.read('a\ufffdb', 0, unlimited)).toEqual(kept);
      await store().rings.drop(lone, [1]);
      expect(await store().rings.index()).toEqual([]);
    });

    test('names that differ in one character, case or space are different rings', async () => {
      const names = ['a', 'A', 'a ', ' a', 'a\u0000', 'á', 'a\u0301', 'a/b', 'a%2Fb', '', '%', '_'];
      await Promise.all(names.map((name, i) => store().rings.put(name, [row(i + 1)], 8)));
      for (const [i, name] of names.entries()) {
        expect(await positionsOf(store(), name)).toEqual([i + 1]);
      }
    });
  });
}
