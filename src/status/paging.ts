import type { List } from '../shown.ts';
import { type Level, levels } from '../log.ts';
import type { Entry, Journal } from './journal.ts';

/** What is wrong with a query, in words. */
export class BadQuery {
  constructor(readonly detail: string) {}
}

export interface Paged {
  items: readonly object[];
  next: string | null;
}

export const limitDefault = 100;
export const limitMax = 1000;

/** One page of a list: the entries after the cursor that every filter chooses. */
export function pageOf<Item>(list: List<Item>, query: URLSearchParams): Paged | BadQuery {
  const asked = readQuery(query, Object.keys(list.filters));
  if (asked instanceof BadQuery) return asked;
  const after = cursorNumber(asked.cursor);
  if (after instanceof BadQuery) return after;
  const wanted = Object.entries(list.filters).filter(([name]) => asked.filters.has(name));
  const short = wanted.find(([, { items: known }]) => known !== undefined);
  const all = short?.[1].items!(asked.filters.get(short[0])!) ?? list.items();
  const items: object[] = [];
  let last = 0;
  for (const item of all) {
    if (list.numberOf(item) <= after) continue;
    if (!wanted.every(([name, filter]) => filter.matches(item, asked.filters.get(name)!))) continue;
    if (items.length === asked.limit) return { items, next: last.toString(36) };
    items.push(list.view(item));
    last = list.numberOf(item);
  }
  return { items, next: null };
}

/**
 * The newest events first, each with its id in the journal, for `id` is often of what the event is
 * about; the cursor leads to older ones.
 */
export function eventsOf(journal: Journal, query: URLSearchParams): Paged | BadQuery {
  const asked = readQuery(query, ['level', 'part', 'since']);
  if (asked instanceof BadQuery) return asked;
  const level = asked.filters.get('level') ?? 'debug';
  if (!levels.includes(level as Level)) return new BadQuery(`level: one of ${levels.join(', ')}`);
  const sinceMs = wallMsOf(asked.filters.get('since'));
  if (sinceMs instanceof BadQuery) return sinceMs;
  const part = asked.filters.get('part');
  const before = cursorNumber(asked.cursor, Infinity);
  if (before instanceof BadQuery) return before;
  const isWanted = (entry: Entry) =>
    levels.indexOf(entry.level) >= levels.indexOf(level as Level) &&
    (part === undefined || entry.part === part);
  const items: object[] = [];
  let last = 0;
  for (let number = Math.min(journal.newest, before - 1); ; number--) {
    const entry = journal.at(number);
    if (entry === undefined || entry.wallMs < sinceMs) return { items, next: null };
    if (!isWanted(entry)) continue;
    if (items.length === asked.limit) return { items, next: last.toString(36) };
    items.push({ event_id: journal.idOf(number), ...JSON.parse(entry.text) });
    last = number;
  }
}

interface Asked {
  limit: number;
  cursor: string | undefined;
  filters: Map<string, string>;
}

function readQuery(query: URLSearchParams, filterNames: readonly string[]): Asked | BadQuery {
  const known = ['limit', 'cursor', ...filterNames];
  for (const name of query.keys()) {
    if (!known.includes(name)) return new BadQuery(`${name}: one of ${known.join(', ')}`);
    if (query.getAll(name).length > 1) return new BadQuery(`${name}: only once`);
  }
  const limit = query.get('limit') ?? `${limitDefault}`;
  if (!/^\d{1,9}$/.test(limit) || Number(limit) < 1 || Number(limit) > limitMax)
    return new BadQuery(`limit: a whole number from 1 to ${limitMax}`);
  const filters = new Map([...query].filter(([name]) => filterNames.includes(name)));
  return { limit: Number(limit), cursor: query.get('cursor') ?? undefined, filters };
}

function cursorNumber(cursor: string | undefined, none = 0): number | BadQuery {
  if (cursor === undefined) return none;
  return /^[0-9a-z]{1,10}$/.test(cursor)
    ? parseInt(cursor, 36)
    : new BadQuery('cursor: the next of an earlier page');
}

/** With its offset: without one it would be a time of wherever this server stands. */
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function wallMsOf(since: string | undefined): number | BadQuery {
  if (since === undefined) return -Infinity;
  const wallMs = rfc3339.test(since) ? Date.parse(since) : NaN;
  return Number.isNaN(wallMs) ? new BadQuery('since: a time such as 2026-01-02T03:04:05Z') : wallMs;
}
