import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { RingRow, Store } from '../../src/store/store.ts';

/** A row whose text says its position, unless told otherwise. */
export function row(position: number, text = `text ${position}`, owner = 'a key'): RingRow {
  return { position, text, owner, bytes: Buffer.byteLength(text) };
}

/**
 * The message of a rejection. (`expect().rejects` pumps the event loop from where it stands; inside
 * a message of the store's thread the next one then never comes.)
 */
export function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
}

/** Positions in a ring, as `read` tells them. */
export async function positionsOf(store: Store, ring: string): Promise<number[]> {
  const rows = await store.rings.read(ring, 0, Number.MAX_SAFE_INTEGER);
  return rows.map(({ position }) => position);
}

const unlimited = Number.MAX_SAFE_INTEGER;

/** Every sentence of src/store/store.ts, for one implementation. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => void (store = await open()));
    afterEach(() => store.close());

    describe('put', () => {
      test('keeps position, text, owner and bytes as they were given', async () => {
        const given = { position: 7, text: 'hello', owner: 'the bot', bytes: 5 };
        await store.rings.put('r', [given], 8);
        expect(await store.rings.read('r', 0, unlimited)).toEqual([given]);
      });

      test('keeps the highest positions when the ring is full', async () => {
        for (const position of [1, 2, 3, 4, 5]) await store.rings.put('r', [row(position)], 3);
        expect(await positionsOf(store, 'r')).toEqual([3, 4, 5]);
      });

      test('pushes out a new row when it is the lowest', async () => {
        await store.rings.put('r', [row(5), row(6), row(7)], 3);
        await store.rings.put('r', [row(4)], 3);
        expect(await positionsOf(store, 'r')).toEqual([5, 6, 7]);
      });

      test('counts positions, not arrivals, when rows come out of order', async () => {
        await store.rings.put('r', [row(9), row(2), row(5)], 3);
        await store.rings.put('r', [row(7), row(1)], 3);
        expect(await positionsOf(store, 'r')).toEqual([5, 7, 9]);
      });

      test('replaces the row of the same position', async () => {
        await store.rings.put('r', [row(1, 'old', 'one'), row(2)], 8);
        await store.rings.put('r', [row(1, 'newer text', 'two')], 8);
        expect(await store.rings.read('r', 0, unlimited)).toEqual([
          row(1, 'newer text', 'two'),
          row(2),
        ]);
      });

      test('lets the last of two rows with one position win', async () => {
        await store.rings.put('r', [row(1, 'first'), row(1, 'second')], 8);
        expect(await store.rings.read('r', 0, unlimited)).toEqual([row(1, 'second')]);
      });

      test('keeps of more rows than fit the newest', async () => {
        const rows = Array.from({ length: 20 }, (_, i) => row(i + 1));
        await store.rings.put('r', rows, 4);
        expect(await positionsOf(store, 'r')).toEqual([17, 18, 19, 20]);
      });

      test('cuts a ring down to a smaller rowsMax, also with no row', async () => {
        await store.rings.put('r', [row(1), row(2), row(3), row(4)], 8);
        await store.rings.put('r', [row(5)], 3);
        expect(await positionsOf(store, 'r')).toEqual([3, 4, 5]);
        await store.rings.put('r', [], 2);
        expect(await positionsOf(store, 'r')).toEqual([4, 5]);
        await store.rings.put('r', [row(6)], 0);
        expect(await store.rings.index()).toEqual([]);
      });

      test('does not give back what a smaller rowsMax took in the same turn', async () => {
        await Promise.all([
          store.rings.put('r', [row(1), row(2), row(3)], 8),
          store.rings.put('r', [row(4)], 2),
          store.rings.put('r', [row(5)], 8),
        ]);
        expect(await positionsOf(store, 'r')).toEqual([3, 4, 5]);
      });

      test('puts all rows of a call or none', async () => {
        await store.rings.put('r', [row(1)], 8);
        const mixed = [row(1, 'changed'), row(2), row(2.5), row(3)];
        expect(await failure(store.rings.put('r', mixed, 1))).toContain('2.5');
        expect(await store.rings.read('r', 0, unlimited)).toEqual([row(1)]);
      });

      test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53])('refuses position %p', async (p) => {
        expect(await failure(store.rings.put('r', [row(p)], 8))).toContain(`above 0: ${p}`);
        expect(await store.rings.index()).toEqual([]);
      });

      test.each([-1, 0.5, Number.NaN, Infinity])(
        'refuses %p as rowsMax and as bytes',
        async (n) => {
          expect(await failure(store.rings.put('r', [row(1)], n))).toContain(`rowsMax must`);
          const lying = { ...row(1), bytes: n };
          expect(await failure(store.rings.put('r', [lying], 8))).toContain(`bytes must`);
          expect(await store.rings.index()).toEqual([]);
        },
      );

      test('copies its rows in the call', async () => {
        const reused = row(1, 'as submitted');
        const rows = [reused];
        const put = store.rings.put('r', rows, 8);
        reused.text = 'changed afterwards';
        rows.push(row(2));
        await put;
        expect(await store.rings.read('r', 0, unlimited)).toEqual([row(1, 'as submitted')]);
      });

      test('takes positions up to the largest safe integer', async () => {
        const top = Number.MAX_SAFE_INTEGER;
        await store.rings.put('r', [row(top - 2), row(top), row(top - 1)], 2);
        expect(await positionsOf(store, 'r')).toEqual([top - 1, top]);
        await store.rings.drop('r', [top]);
        expect(await positionsOf(store, 'r')).toEqual([top - 1]);
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
        await store.rings.put(text.slice(0, 64), [row(1, text, text.slice(0, 64))], 8);
        const [kept] = await store.rings.read(text.slice(0, 64), 0, unlimited);
        expect(kept).toEqual(row(1, text, text.slice(0, 64)));
      });

      test('a lone surrogate becomes U+FFFD in text, owner and name', async () => {
        const lone = JSON.parse('"a\\ud800b"') as string;
        await store.rings.put(lone, [row(1, lone, lone)], 8);
        const kept = [row(1, 'a\ufffdb', 'a\ufffdb')];
        expect(await store.rings.read(lone, 0, unlimited)).toEqual(kept);
        expect(await store.rings.read('a\ufffdb', 0, unlimited)).toEqual(kept);
        await store.rings.drop(lone, [1]);
        expect(await store.rings.index()).toEqual([]);
      });

      test('names that differ in one character, case or space are different rings', async () => {
        const names = [
          'a',
          'A',
          'a ',
          ' a',
          'a\u0000',
          'á',
          'a\u0301',
          'a/b',
          'a%2Fb',
          '',
          '%',
          '_',
        ];
        await Promise.all(names.map((name, i) => store.rings.put(name, [row(i + 1)], 8)));
        for (const [i, name] of names.entries()) {
          expect(await positionsOf(store, name)).toEqual([i + 1]);
        }
      });
    });

    describe('read', () => {
      test('gives the rows above a position, lowest first', async () => {
        await store.rings.put('r', [row(3), row(1), row(2)], 8);
        expect(await store.rings.read('r', 1, unlimited)).toEqual([row(2), row(3)]);
        expect(await store.rings.read('r', 3, unlimited)).toEqual([]);
      });

      test('gives as many as fit the bytes', async () => {
        const text = '12345';
        await store.rings.put('r', [row(1, text), row(2, text), row(3, text)], 8);
        const read = async (bytesMax: number) => (await store.rings.read('r', 0, bytesMax)).length;
        expect([await read(15), await read(14), await read(10), await read(9)]).toEqual([
          3, 2, 2, 1,
        ]);
      });

      test('gives one row at least, however small the bytes', async () => {
        await store.rings.put('r', [row(1, 'long text'), row(2)], 8);
        expect(await store.rings.read('r', 0, 0)).toEqual([row(1, 'long text')]);
        expect(await store.rings.read('r', 1, 0)).toEqual([row(2)]);
      });

      test('stops at the first row that does not fit, though a later one would', async () => {
        await store.rings.put('r', [row(1, 'a'), row(2, 'too long'), row(3, 'b')], 8);
        expect(await store.rings.read('r', 0, 3)).toEqual([row(1, 'a')]);
      });

      test('gives nothing for an unknown ring', async () => {
        expect(await store.rings.read('nobody', 0, unlimited)).toEqual([]);
      });

      test('gives copies', async () => {
        await store.rings.put('r', [row(1)], 8);
        const [first] = await store.rings.read('r', 0, unlimited);
        if (first) first.text = 'changed by its reader';
        expect(await store.rings.read('r', 0, unlimited)).toEqual([row(1)]);
      });
    });

    describe('drop', () => {
      test('takes out these positions and no others, in this ring and no other', async () => {
        await store.rings.put('r', [row(1), row(2), row(3), row(4)], 8);
        await store.rings.put('s', [row(2)], 8);
        await store.rings.drop('r', [2, 4]);
        expect(await positionsOf(store, 'r')).toEqual([1, 3]);
        expect(await positionsOf(store, 's')).toEqual([2]);
      });

      test('does not mind positions and rings that are not there', async () => {
        await store.rings.put('r', [row(1)], 8);
        await store.rings.drop('r', [2, 1, 1, -5, 0.5]);
        await store.rings.drop('r', []);
        await store.rings.drop('nobody', [1]);
        expect(await store.rings.index()).toEqual([]);
      });
    });

    describe('index', () => {
      test('has every row without its text, rings by the bytes of their names', async () => {
        await store.rings.put('b', [row(2, 'four', 'x'), row(1, 'é', 'y')], 8);
        await store.rings.put('😀', [row(4)], 8);
        await store.rings.put('\uff5e', [row(3)], 8);
        await store.rings.put('B', [row(9, '')], 8);
        expect(await store.rings.index()).toEqual([
          { ring: 'B', rows: [{ position: 9, owner: 'a key', bytes: 0 }] },
          {
            ring: 'b',
            rows: [
              { position: 1, owner: 'y', bytes: 2 },
              { position: 2, owner: 'x', bytes: 4 },
            ],
          },
          { ring: '\uff5e', rows: [{ position: 3, owner: 'a key', bytes: 6 }] },
          { ring: '😀', rows: [{ position: 4, owner: 'a key', bytes: 6 }] },
        ]);
      });
    });

    describe('calls made in one turn', () => {
      test('take effect in their order', async () => {
        const { rings } = store;
        const before = rings.put('r', [row(1), row(2), row(3)], 3);
        const full = rings.read('r', 0, unlimited);
        const pushed = rings.put('r', [row(4)], 3);
        const dropped = rings.drop('r', [4]);
        const after = rings.read('r', 0, unlimited);
        const index = rings.index();
        await Promise.all([before, pushed, dropped]);
        expect(await full).toEqual([row(1), row(2), row(3)]);
        // 1 was pushed out by 4 and does not come back when 4 is dropped.
        expect(await after).toEqual([row(2), row(3)]);
        expect((await index).map(({ rows }) => rows.length)).toEqual([2]);
      });

      test('settle in their order, the refused ones too', async () => {
        const order: number[] = [];
        const settled = [row(1), row(0), row(2), row(-1), row(3)].map(async (each, i) => {
          await store.rings.put(`ring ${i % 2}`, [each], 8).catch(() => {});
          order.push(i);
        });
        await Promise.all(settled);
        expect(order).toEqual([0, 1, 2, 3, 4]);
      });

      test('do not fail with their neighbour', async () => {
        const outcomes = await Promise.allSettled([
          store.rings.put('r', [row(1)], 8),
          store.rings.put('r', [row(2), row(1.5)], 8),
          store.rings.drop('r', [7]),
          store.rings.read('r', 0, unlimited),
          store.rings.put('s', [row(3)], 8),
        ]);
        const status = outcomes.map((outcome) => outcome.status);
        expect(status).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
        expect(outcomes[3]).toEqual({ status: 'fulfilled', value: [row(1)] });
        expect(await positionsOf(store, 'r')).toEqual([1]);
        expect(await positionsOf(store, 's')).toEqual([3]);
        expect(store.trouble()).toBeUndefined();
      });

      test('add up to the same as one after the other, whatever they are', async () => {
        // A small linear congruential generator: the same calls in every run.
        let seed = 42;
        const below = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % n;
        const other = await open();
        try {
          for (let round = 0; round < 40; round++) {
            const together: Promise<unknown>[] = [];
            for (let i = 0; i < 12; i++) {
              const ring = `ring ${below(3)}`;
              const rows = Array.from({ length: below(4) }, () =>
                row(1 + below(30), `${round} ${i}`),
              );
              const rowsMax = below(6);
              const call =
                below(5) === 0
                  ? (of: Store) =>
                      of.rings.drop(
                        ring,
                        rows.map(({ position }) => position),
                      )
                  : (of: Store) => of.rings.put(ring, rows, rowsMax);
              together.push(call(store));
              await call(other);
            }
            await Promise.all(together);
            expect(await store.rings.index()).toEqual(await other.rings.index());
          }
        } finally {
          await other.close();
        }
      });
    });

    describe('close', () => {
      test('answers what was submitted and rejects what comes later', async () => {
        const put = store.rings.put('r', [row(1)], 8);
        const read = store.rings.read('r', 0, unlimited);
        const closed = store.close();
        expect(await failure(store.rings.put('r', [row(2)], 8))).toContain('the store is closed');
        expect(await failure(store.rings.read('r', 0, 1))).toContain('the store is closed');
        expect(await failure(store.rings.drop('r', [1]))).toContain('the store is closed');
        expect(await failure(store.rings.index())).toContain('the store is closed');
        expect(await put).toBeUndefined();
        expect(await read).toEqual([row(1)]);
        await closed;
        await store.close();
        expect(store.trouble()).toBe('the store is closed');
      });
    });
  });
}
