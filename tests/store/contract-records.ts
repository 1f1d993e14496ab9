import { describe, expect, test } from 'bun:test';
import type { Store, StoredRecord } from '../../src/store/store.ts';
import { positionsOf, row, unlimited } from './rows.ts';

/** What the contract says of records; `store` gives the one of the test under way. */
export function recordsContract(store: () => Store): void {
  describe('records', () => {
    test('are kept as they were given, by the bytes of their keys', async () => {
      await store().records.put('s', [record('b'), record('😀'), record('\uff5e')]);
      await store().records.put('s', [record('B', ''), record(''), record('a')]);
      expect(await store().records.all('s')).toEqual([
        record(''),
        record('B', ''),
        record('a'),
        record('b'),
        record('\uff5e'),
        record('😀'),
      ]);
    });

    test('replace the record with their key and no other', async () => {
      await store().records.put('s', [record('a', 'old'), record('b')]);
      await store().records.put('s', [record('a', 'the newer text'), record('c')]);
      expect(await store().records.all('s')).toEqual([
        record('a', 'the newer text'),
        record('b'),
        record('c'),
      ]);
    });

    test('of two with one key in a call the last wins', async () => {
      await store().records.put('s', [record('a', 'first'), record('a', 'second')]);
      expect(await store().records.all('s')).toEqual([record('a', 'second')]);
    });

    test('of one set are not those of another, nor the ring of that name', async () => {
      await store().records.put('s', [record('a', 'of s'), record('b')]);
      await store().records.put('t', [record('a', 'of t')]);
      await store().rings.put('s', [row(1)], 8);
      await store().records.drop('s', ['a']);
      expect(await store().records.all('s')).toEqual([record('b')]);
      expect(await store().records.all('t')).toEqual([record('a', 'of t')]);
      expect(await positionsOf(store(), 's')).toEqual([1]);
      expect(await store().records.all('u')).toEqual([]);
    });

    test('drop takes out these keys, and does not mind one that is not there', async () => {
      await store().records.put('s', [record('a'), record('b'), record('c')]);
      await store().records.drop('s', ['b', 'nobody', 'b']);
      await store().records.drop('s', []);
      await store().records.drop('nobody', ['a']);
      expect(await store().records.all('s')).toEqual([record('a'), record('c')]);
      await store().records.drop('s', ['a', 'c']);
      expect(await store().records.all('s')).toEqual([]);
    });

    test('a put of none changes nothing', async () => {
      await store().records.put('s', [record('a')]);
      await store().records.put('s', []);
      expect(await store().records.all('s')).toEqual([record('a')]);
    });

    test('calls made in one turn take effect in their order, between rings and records too', async () => {
      const { records, rings } = store();
      const calls = [
        records.put('s', [record('a', 'first'), record('b')]),
        rings.put('r', [row(1)], 8),
        records.all('s'),
        records.drop('s', ['a']),
        rings.read('r', 0, unlimited),
        records.all('s'),
        records.put('s', [record('a', 'second')]),
        rings.drop('r', [1]),
        records.all('s'),
        rings.read('r', 0, unlimited),
      ];
      const values = (await Promise.all<unknown>(calls)).filter((value) => value !== undefined);
      expect(values).toEqual([
        [record('a', 'first'), record('b')],
        [row(1)],
        [record('b')],
        [record('a', 'second'), record('b')],
        [],
      ]);
    });

    test('are copied in the call, and given as copies', async () => {
      const reused = record('a', 'as submitted');
      const list = [reused];
      const put = store().records.put('s', list);
      reused.text = 'changed afterwards';
      list.push(record('b'));
      await put;
      const [first] = await store().records.all('s');
      expect(first).toEqual(record('a', 'as submitted'));
      first!.text = 'changed by its reader';
      expect(await store().records.all('s')).toEqual([record('a', 'as submitted')]);

      const keys = ['nobody'];
      const drop = store().records.drop('s', keys);
      keys[0] = 'a';
      await drop;
      expect(await store().records.all('s')).toEqual([record('a', 'as submitted')]);
    });

    test('keys and sets that differ in one character, case or space are different', async () => {
      const names = [
        'a',
        'A',
        'a ',
        ' a',
        'a\u0000',
        'á',
        'a\u0301',
        'a/b',
        '',
        '%',
        '_',
        '1',
        '01',
      ];
      await store().records.put(
        's',
        names.map((name) => record(name)),
      );
      await Promise.all(names.map((name) => store().records.put(name, [record('k', name)])));
      expect(await store().records.all('s')).toHaveLength(names.length);
      for (const name of names) {
        expect(await store().records.all(name)).toEqual([record('k', name)]);
      }
    });

    test.each(
      Object.entries({
        'two megabytes': 'é'.repeat(1_048_576),
        'control characters and U+0000': '\u0000a\u0000\u001f\u007f\r\n',
        'quotes of every kind': `'"\`;--\\`,
        'a byte order mark': '\ufeffhello\ufeff',
      }),
    )('%s are kept as they are, in text, key and set', async (_, text) => {
      await store().records.put(text, [record(text, text)]);
      expect(await store().records.all(text)).toEqual([record(text, text)]);
    });

    test('a lone surrogate becomes U+FFFD in text, key and set', async () => {
      const lone = JSON.parse('"a\\ud800b"') as string;
      await store().records.put(lone, [record(lone, 'old'), record(lone, lone)]);
      const kept = [record('a\ufffdb', 'a\ufffdb')];
      expect(await store().records.all(lone)).toEqual(kept);
      expect(await store().records.all('a\ufffdb')).toEqual(kept);
      await store().records.drop(lone, [lone]);
      expect(await store().records.all('a\ufffdb')).toEqual([]);
    });
  });
}

/** A record whose text says its key, unless told otherwise. */
function record(key: string, text = `text of ${key}`): StoredRecord {
  return { key, text };
}
