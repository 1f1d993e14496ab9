import { expect, test } from 'bun:test';
import { BadQuery } from '../../src/status/paging.ts';
import { wishOf } from '../../src/status/wish.ts';

const wish = (query: string, headers: Record<string, string> = {}) =>
  wishOf(new URLSearchParams(query), new Headers(headers));

test('who names no topic wants all events, from now on', () => {
  for (const query of ['', 'topics='])
    expect(wish(query)).toEqual({ topics: undefined, lastId: undefined });
});

test.each([
  ['topics=session', ['session']],
  [
    'topics=session,player,relay,worker,task,log,stats',
    'session player relay worker task log stats'.split(' '),
  ],
  ['topics=relay,relay', ['relay']],
  ['topics=relay&topics=task', ['relay', 'task']],
  ['topics=relay%2Ctask', ['relay', 'task']],
])('%s', (query, names) => {
  expect(wish(query)).toMatchObject({ topics: new Set(names) as never });
});

test('an id of the last event says where it was; an empty one says nothing', () => {
  expect(wish('topics=task', { 'Last-Event-ID': 'run-7' })).toMatchObject({ lastId: 'run-7' });
  expect(wish('', { 'Last-Event-ID': '' })).toMatchObject({ lastId: undefined });
});

test.each([
  ...[
    'topics=all',
    'topics=session,',
    'topics=,',
    'topics=Session',
    'topics= session',
    'topic=log',
  ],
  ...['topics=log&limit=1', 'last-event-id=run-7', '__proto__=x', 'topics=constructor', '=log'],
])('%s is refused in words', (query) => {
  const bad = wish(query);
  expect(bad).toBeInstanceOf(BadQuery);
  expect((bad as BadQuery).detail).not.toBe('');
});
