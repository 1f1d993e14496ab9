import { askJson, serverMs } from './api.ts';
import { cell } from './cell.ts';
import type { FeedEvent } from './feed.ts';
import { addTotals, drawHistory, fromStart, type History, lengthOf } from './lines.ts';

/** `/api/stats`. */
export interface Stats {
  version: string;
  instance: string;
  started_at: string;
  uptime_seconds: number;
  parts: Record<string, Record<string, number | Record<string, number>>>;
}

/** Of a counter: since the start, and in the last minute. */
export interface Grown {
  total: number;
  lately: number;
}

export const stats = cell<Stats | undefined>(undefined);
/** What each counter grew by in a second, by `part.name`; labels are summed up. */
export const rates = cell<ReadonlyMap<string, number>>(new Map());

const messageCounters = ['relay.messages_total', 'players.messages_total'];
const taskCounters = ['tasks.requests_total'];

/** What the lines show. */
export const countersOf = { messages: messageCounters, tasks: taskCounters } as const;

/** A number of `/api/stats`; of one with labels their sum, or that of one label. */
export function figure(
  all: Pick<Stats, 'parts'> | undefined,
  part: string,
  name: string,
  label?: string,
): number {
  const value = all?.parts[part]?.[name];
  if (typeof value === 'number') return value;
  if (value === undefined) return 0;
  if (label !== undefined) return value[label] ?? 0;
  return Object.values(value).reduce((sum, one) => sum + one, 0);
}

export function sumOf(perSecond: ReadonlyMap<string, number>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (perSecond.get(name) ?? 0), 0);
}

/** Of the last minute, the oldest first. */
let minute: { atMs: number; stats: Pick<Stats, 'parts'> }[] = [];
const minuteMs = 60_000;

export function hearStats({ data }: FeedEvent): void {
  takeStats(JSON.parse(data));
}

/** The numbers as they are now. */
export function takeStats(next: Stats): void {
  const before = stats.get();
  const nowMs = serverMs();
  // After a restart counters begin anew.
  if (before?.started_at !== next.started_at) minute = [];
  const newest = minute.at(-1);
  // Too little time says nothing of a second.
  if (newest !== undefined && nowMs > newest.atMs + 500)
    rates.set(ratesBetween(newest.stats, next, (nowMs - newest.atMs) / 1000));
  minute = [...minute.filter(({ atMs }) => atMs > nowMs - minuteMs), { atMs: nowMs, stats: next }];
  addTotals({
    atMs: nowMs,
    startedAt: next.started_at,
    messages: totalOf(next, messageCounters),
    tasks: totalOf(next, taskCounters),
  });
  stats.set(next);
}

/** What the server remembers of the time before this page: for the lines, and of the last minute. */
export async function loadHistory(startedAt: string): Promise<void> {
  const history = fromStart(await askJson<History>('/stats/history'), startedAt);
  drawHistory(history, countersOf, startedAt);
  const { interval_seconds, until, series } = history;
  const length = lengthOf(series);
  const stepMs = interval_seconds * 1000;
  const back = Math.min(length, Math.ceil(minuteMs / stepMs) + 1);
  const remembered = Array.from({ length: back }, (_, i) => ({
    atMs: Date.parse(until) - (back - 1 - i) * stepMs,
    stats: { parts: partsAt(series, length - back + i) },
  }));
  const oldestMs = minute[0]?.atMs ?? Infinity;
  minute = [...remembered.filter(({ atMs }) => atMs < oldestMs), ...minute];
}

function partsAt(series: History['series'], at: number): Stats['parts'] {
  const parts: Stats['parts'] = {};
  for (const [name, values] of Object.entries(series)) {
    const [part, meter, label] = name.split('.') as [string, string, string | undefined];
    const meters = (parts[part] ??= {});
    const value = values[at] ?? 0;
    if (label === undefined) meters[meter] = value;
    else meters[meter] = { ...(meters[meter] as Record<string, number>), [label]: value };
  }
  return parts;
}

/** Tasks that were answered, and those whose callers went away, were not refused. */
const notRefused = new Set(['answered', 'hung_up']);

/** Why the server said no, by part and reason, what happened lately first. */
export function refusals(): ({ part: string; reason: string } & Grown)[] {
  const [oldest, newest] = [minute[0]?.stats, stats.get()];
  return Object.entries(newest?.parts ?? {})
    .flatMap(([part, meters]) => {
      const name = part === 'tasks' ? 'requests_total' : 'refused_total';
      const byReason = meters[name];
      if (typeof byReason !== 'object') return [];
      return Object.entries(byReason)
        .filter(([reason, total]) => total > 0 && !notRefused.has(reason))
        .map(([reason, total]) => {
          return { part, reason, total, lately: total - figure(oldest, part, name, reason) };
        });
    })
    .sort((a, b) => b.lately - a.lately || b.total - a.total);
}

/** What a counter grew by in the last minute. */
export function lately(part: string, name: string): number {
  return figure(stats.get(), part, name) - figure(minute[0]?.stats, part, name);
}

function ratesBetween(
  before: Pick<Stats, 'parts'>,
  next: Stats,
  seconds: number,
): Map<string, number> {
  const found = new Map<string, number>();
  for (const [part, meters] of Object.entries(next.parts))
    for (const name of Object.keys(meters))
      if (name.endsWith('_total')) {
        const grown = figure(next, part, name) - figure(before, part, name);
        found.set(`${part}.${name}`, Math.max(0, grown / seconds));
      }
  return found;
}

function totalOf(all: Stats, counters: readonly string[]): number {
  return counters.reduce((sum, counter) => {
    const [part, name] = counter.split('.') as [string, string];
    return sum + figure(all, part, name);
  }, 0);
}
