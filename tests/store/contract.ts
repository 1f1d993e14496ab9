import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Store } from '../../src/store/store.ts';
import { putContract } from './contract-put.ts';
import { recordsContract } from './contract-records.ts';
import { failure, positionsOf, row, unlimited } from './rows.ts';

/** Every sentence of src/store/store.ts, for one implementation. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => void (store = await open()));
    afterEach(() => store.close());

    putContract(() => store);
    recordsContract(() => store);

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

      test('settle in their order, the refused ones too, across rings and records', async () => {
        const order: number[] = [];
        const calls = [
          store.rings.put('r', [row(1)], 8),
          store.records.put('s', [{ key: 'a', text: '' }]),
          store.rings.put('q', [row(0)], 8),
          store.records.all('s'),
          store.rings.put('r', [row(-1)], 8),
          store.records.drop('s', ['a']),
          store.rings.index(),
        ];
        await Promise.all(calls.map((call, i) => call.catch(() => {}).then(() => order.push(i))));
        expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
      });

      test('do not fail with their neighbour', async () => {
        const outcomes = await Promise.allSettled([
          store.rings.put('r', [row(1)], 8),
          store.rings.put('r', [row(2), row(1.5)], 8),
          store.rings.drop('r', [7]),
          store.rings.read('r', 0, unlimited),
          store.rings.put('s', [row(3)], 8),
          store.records.put('s', [{ key: 'a', text: 'kept' }]),
        ]);
        const failed = outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []));
        expect(failed).toEqual([1]);
        expect(outcomes[3]).toEqual({ status: 'fulfilled', value: [row(1)] });
        expect(await positionsOf(store, 'r')).toEqual([1]);
        expect(await positionsOf(store, 's')).toEqual([3]);
        expect(await store.records.all('s')).toEqual([{ key: 'a', text: 'kept' }]);
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
        const recorded = store.records.put('s', [{ key: 'a', text: 'kept' }]);
        const records = store.records.all('s');
        const closed = store.close();
        const later = [
          store.rings.put('r', [row(2)], 8),
          store.rings.read('r', 0, 1),
          store.rings.drop('r', [1]),
          store.rings.index(),
          store.records.put('s', []),
          store.records.drop('s', []),
          store.records.all('s'),
        ];
        const reasons = await Promise.all(later.map(failure));
        expect(reasons).toEqual(later.map(() => 'the store is closed'));
        expect(await put).toBeUndefined();
        expect(await read).toEqual([row(1)]);
        expect(await recorded).toBeUndefined();
        expect(await records).toEqual([{ key: 'a', text: 'kept' }]);
        await closed;
        await store.close();
        expect(store.trouble()).toBe('the store is closed');
      });
    });
  });
}
