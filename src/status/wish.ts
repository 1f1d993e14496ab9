import { topics } from './journal.ts';
import type { Wish } from './live-reader.ts';
import { BadQuery } from './paging.ts';

const names: readonly string[] = [...topics, 'stats'];

/** What a request to `/live` wants: `?topics=` with names by commas, and where it was. */
export function wishOf(query: URLSearchParams, headers: Headers): Wish | BadQuery {
  for (const name of query.keys())
    if (name !== 'topics') return new BadQuery(`${name}: only topics is known`);
  const lastId = headers.get('last-event-id') || undefined;
  const text = query.getAll('topics').join(',');
  if (text === '') return { topics: undefined, lastId };
  const wanted = text.split(',');
  if (!wanted.every((name) => names.includes(name)))
    return new BadQuery(`topics: some of ${names.join(', ')}, separated by commas`);
  return { topics: new Set(wanted) as Wish['topics'], lastId };
}
