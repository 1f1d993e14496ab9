import { describe, expect, test } from 'bun:test';
import { Type } from '@sinclair/typebox';
import type { Level } from '../../src/log.ts';
import type { List } from '../../src/shown.ts';
import { Journal } from '../../src/status/journal.ts';
import { BadQuery, eventsOf, type Paged, pageOf } from '../../src/status/paging.ts';

interface Ship {
  number: number;
  flag: string;
}

function listOf(ships: () => Iterable<Ship>): List<Ship> {
  return {
    path: '/ships',
    summary: 'Ships.',
    entry: Type.Object({ number: Type.Integer() }),
    items: ships,
    numberOf: ({ number }) => number,
    view: ({ number }) => ({ number }),
    filters: {
      flag: { summary: 'Of a flag.', matches: (ship, wanted) => ship.flag === wanted },
      odd: { summary: 'Odd.', matches: ({ number }, wanted) => `${number % 2 === 1}` === wanted },
    },
  };
}

const query = (text: string) => new URLSearchParams(text);

function good(page: Paged | BadQuery): Paged {
  if (page instanceof BadQuery) throw new Error(page.detail);
  return page;
}

describe('a list', () => {
  const fleet = Array.from({ length: 250 }, (_, at) => ({
    number: at * 3 + 1,
    flag: at % 5 === 0 ? 'red' : 'blue',
  }));
  const list = listOf(() => fleet);
  const numbers = ({ items }: Paged) => items.map((one) => (one as Ship).number);
  const all = (text: string, of = list) => {
    const got: number[] = [];
    for (let cursor = ''; ;) {
      const page = good(pageOf(of, query(`${text}${cursor}`)));
      got.push(...numbers(page));
      if (page.next === null) return got;
      cursor = `&cursor=${page.next}`;
    }
  };

  test('has 100 entries a page unless told, and a last page without a next', () => {
    const first = good(pageOf(list, query('')));
    expect([first.items.length, typeof first.next]).toEqual([100, 'string']);
    expect(good(pageOf(list, query('limit=250'))).next).toBeNull();
    expect(good(pageOf(list, query('limit=249'))).items.length).toBe(249);
    expect(
      good(
        pageOf(
          listOf(() => []),
          query(''),
        ),
      ),
    ).toEqual({ items: [], next: null });
  });

  test.each([1, 2, 99, 125, 249, 250, 1000])('in pages of %i has every entry once', (limit) => {
    expect(all(`limit=${limit}`)).toEqual(fleet.map(({ number }) => number));
  });

  test('shows what every filter chooses, also in pages', () => {
    const wanted = fleet.filter(({ number, flag }) => flag === 'red' && number % 2 === 1);
    for (const limit of [1, 7, 1000])
      expect(all(`flag=red&odd=true&limit=${limit}`)).toEqual(wanted.map(({ number }) => number));
    expect(all('flag=none')).toEqual([]);
    expect(all('flag=')).toEqual([]);
  });

  test('takes what a filter knows without looking, and looks at nothing else', () => {
    const red = fleet.filter(({ flag }) => flag === 'red');
    let looked = 0;
    const matches = (ship: Ship, wanted: string) => {
      looked += 1;
      return ship.flag === wanted;
    };
    const items = (wanted: string) => (wanted === 'red' ? red : []);
    const knowing = listOf(() => {
      throw new Error('it looks at all of them');
    });
    const filters = { ...knowing.filters, flag: { summary: 'Of a flag.', matches, items } };
    const short = { ...knowing, filters };
    for (const limit of [1, 7, 1000])
      expect(all(`flag=red&limit=${limit}`, short)).toEqual(red.map(({ number }) => number));
    const odd = red.filter(({ number }) => number % 2 === 1).map(({ number }) => number);
    expect(all('odd=true&flag=red&limit=3', short)).toEqual(odd);
    looked = 0;
    expect(all('flag=none', short)).toEqual([]);
    expect(looked).toBe(0);
    expect(() => pageOf(short, query('odd=true'))).toThrow('it looks at all of them');
  });

  test('goes on exactly where it was, whoever comes and goes in between', () => {
    const ships = [...fleet];
    const changing = listOf(() => ships);
    const first = good(pageOf(changing, query('limit=10')));
    ships.splice(0, 10);
    ships.push({ number: 10_000, flag: 'red' });
    const second = good(pageOf(changing, query(`limit=10&cursor=${first.next}`)));
    expect(numbers(second)).toEqual(fleet.slice(10, 20).map(({ number }) => number));
    expect(all('', changing).at(-1)).toBe(10_000);
  });

  test.each([
    ...['limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=-1', 'limit=1&limit=1', 'limit=1.0'],
    ...['cursor=', 'cursor=A', 'cursor=-1', 'cursor=12345678901', 'flag=red&flag=red'],
    ...['colour=red', 'Flag=red', '__proto__=1', 'toString=1', '=1', 'next=1'],
  ])('refuses the query %s', (text) => {
    expect(pageOf(list, query(text))).toBeInstanceOf(BadQuery);
  });
});

describe('events', () => {
  const start = Date.parse('2026-01-01T00:00:00Z');

  /** One event a second; every third is a warning, every fifth of the relay and with an `id`. */
  function logged(count: number, eventsMax = 1000): Journal {
    const journal = new Journal(eventsMax, 'run');
    for (let i = 1; i <= count; i++) {
      const level: Level = i % 3 === 0 ? 'warn' : 'info';
      const part = i % 5 === 0 ? 'relay' : 'server';
      const fields = { part, event: `e${i}`, ...(part === 'relay' && { id: 'a-mod' }) };
      const wallMs = start + i * 1000;
      journal.add({ wallMs, level, part, event: `e${i}`, text: JSON.stringify(fields) });
    }
    return journal;
  }

  const names = (journal: Journal, text = '') =>
    good(eventsOf(journal, query(text))).items.map((one) => (one as { event: string }).event);

  test('come newest first, whole, each with its id beside that of what it is about', () => {
    const { items, next } = good(eventsOf(logged(5), query('limit=2')));
    expect(items).toEqual([
      { event_id: 'run-5', part: 'relay', event: 'e5', id: 'a-mod' },
      { event_id: 'run-4', part: 'server', event: 'e4' },
    ]);
    expect(next).not.toBeNull();
    expect(good(eventsOf(new Journal(5, 'run'), query('')))).toEqual({ items: [], next: null });
  });

  test('are only those that the journal still has', () => {
    expect(names(logged(20, 3))).toEqual(['e20', 'e19', 'e18']);
  });

  test('are chosen by level and above, part and time', () => {
    const journal = logged(30);
    expect(names(journal, 'level=debug').length).toBe(30);
    expect(names(journal, 'level=info').length).toBe(30);
    expect(names(journal, 'level=warn').length).toBe(10);
    expect(names(journal, 'level=error')).toEqual([]);
    expect(names(journal, 'part=relay').length).toBe(6);
    expect(names(journal, 'part=relay&level=warn')).toEqual(['e30', 'e15']);
    expect(names(journal, 'since=2026-01-01T00:00:28Z')).toEqual(['e30', 'e29', 'e28']);
    expect(names(journal, 'since=2026-01-01T01:00:28.5%2B01:00')).toEqual(['e30', 'e29']);
    expect(names(journal, 'since=2026-01-01T00:00:20Z&part=relay&limit=1')).toEqual(['e30']);
  });

  test.each([1, 3, 7, 100])('come in pages of %i, each once, while more is logged', (limit) => {
    const journal = logged(60, 200);
    const got: string[] = [];
    for (let cursor = ''; ;) {
      const page = good(eventsOf(journal, query(`part=server&limit=${limit}${cursor}`)));
      got.push(...page.items.map((one) => (one as { event: string }).event));
      journal.add({ wallMs: start + 1e6, level: 'info', part: 'server', event: 'x', text: '{}' });
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    const wanted = names(logged(60), 'part=server&limit=1000');
    expect(got).toEqual(wanted);
  });

  test('behind a cursor to what is gone there are none', () => {
    const journal = logged(50, 10);
    for (const cursor of ['5', '0', '1', 'zzzzzzzzzz'])
      expect(names(journal, `cursor=${cursor}`)).toEqual(
        cursor === 'zzzzzzzzzz' ? names(journal) : [],
      );
  });

  test.each([
    ...['level=fatal', 'level=', 'level=WARN', 'part=a&part=b', 'since=', 'since=now', 'topic=log'],
    ...['since=2026-01-01', 'since=2026-01-01T00:00:00', 'since=2026-13-01T00:00:00Z', 'limit=0'],
    ...['since=2026-01-01T25:00:00Z', 'since=2026-01-01 00:00:00Z', 'cursor=run-5', 'after=5'],
  ])('are not shown for the query %s', (text) => {
    expect(eventsOf(logged(5), query(text))).toBeInstanceOf(BadQuery);
  });
});
