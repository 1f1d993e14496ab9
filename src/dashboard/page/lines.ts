import { cell } from './cell.ts';

/** Points of the lines, oldest first: when, in s since 1970, and how many a second; null: unknown. */
export interface Lines {
  times: number[];
  messages: (number | null)[];
  tasks: (number | null)[];
}

/** Counters as they stood at a time. */
export interface Totals {
  atMs: number;
  /** Of the run that they belong to. */
  startedAt: string;
  messages: number;
  tasks: number;
}

/** `/api/stats/history`. */
export interface History {
  interval_seconds: number;
  until: string;
  series: Record<string, number[]>;
}

export const shownSeconds = 15 * 60;
/** As far apart as the points of the server's own memory, so that the line is of one kind. */
const stepMs = 5_000;

const none: Lines = { times: [], messages: [], tasks: [] };
export const lines = cell<Lines>(none);

/** Where the newest point ends. */
let last: Totals | undefined;

/** The counters as they are now. */
export function addTotals(now: Totals): void {
  if (last?.startedAt !== now.startedAt) {
    if (last !== undefined) add(now.atMs, null, null);
    last = now;
    return;
  }
  const seconds = (now.atMs - last.atMs) / 1000;
  if (seconds * 1000 < stepMs) return;
  const rate = (name: 'messages' | 'tasks') => Math.max(0, now[name] - last![name]) / seconds;
  add(now.atMs, rate('messages'), rate('tasks'));
  last = now;
}

function add(atMs: number, messages: number | null, tasks: number | null): void {
  const time = atMs / 1000;
  const all = lines.get();
  const from = all.times.findIndex((one) => one >= time - shownSeconds);
  const keep = <Item>(list: readonly Item[], item: Item) => [
    ...(from < 0 ? [] : list.slice(from)),
    item,
  ];
  lines.set({
    times: keep(all.times, time),
    messages: keep(all.messages, messages),
    tasks: keep(all.tasks, tasks),
  });
}

/** Where the server began within what it remembers, every counter began with 0. */
export function fromStart(
  { series, until, interval_seconds }: History,
  startedAt: string,
): History {
  const length = lengthOf(series);
  const oldestMs = Date.parse(until) - length * interval_seconds * 1000;
  const hasAll = Date.parse(startedAt) > oldestMs - interval_seconds * 1000;
  if (!hasAll) return { series, until, interval_seconds };
  const all = Object.entries(series).map(([name, values]): [string, number[]] => [
    name,
    [0, ...values],
  ]);
  return { series: Object.fromEntries(all), until, interval_seconds };
}

export function lengthOf(series: History['series']): number {
  return Math.max(0, ...Object.values(series).map((values) => values.length));
}

/** Draws the lines from what the server remembers; of an earlier run, what is known here stays. */
export function drawHistory(
  { interval_seconds, until, series }: History,
  counters: Readonly<Record<'messages' | 'tasks', readonly string[]>>,
  startedAt: string,
): void {
  const length = lengthOf(series);
  const endMs = Date.parse(until);
  const times = Array.from(
    { length },
    (_, i) => endMs / 1000 - (length - 1 - i) * interval_seconds,
  );
  const messages = totalsOf(series, counters.messages, length);
  const tasks = totalsOf(series, counters.tasks, length);
  const rates = (all: readonly number[]) =>
    all.slice(1).map((total, i) => Math.max(0, (total - all[i]!) / interval_seconds));
  const before = lines.get();
  const kept = before.times.filter((time) => time < (times[0] ?? 0)).length;
  const gap = kept > 0 ? [null] : [];
  lines.set({
    times: [...before.times.slice(0, kept), ...gap.map(() => times[0]!), ...times.slice(1)],
    messages: [...before.messages.slice(0, kept), ...gap, ...rates(messages)],
    tasks: [...before.tasks.slice(0, kept), ...gap, ...rates(tasks)],
  });
  last = { atMs: endMs, startedAt, messages: messages.at(-1) ?? 0, tasks: tasks.at(-1) ?? 0 };
}

function totalsOf(
  series: History['series'],
  counters: readonly string[],
  length: number,
): number[] {
  const found = Object.keys(series).filter((name) =>
    counters.some((counter) => name === counter || name.startsWith(`${counter}.`)),
  );
  return Array.from({ length }, (_, i) =>
    found.reduce((sum, name) => sum + (series[name]![i] ?? 0), 0),
  );
}
