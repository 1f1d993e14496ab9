import { askJson } from './api.ts';
import { cell } from './cell.ts';
import type { FeedEvent } from './feed.ts';

/** An event of the journal. */
export interface JournalEvent {
  event_id: string;
  time: string;
  level: 'debug' | 'info' | 'warn' | 'error';
  part: string;
  event: string;
  [field: string]: unknown;
}

/** Newest first. */
export const events = cell<readonly JournalEvent[]>([]);

export const eventsMax = 1000;

export function hearEvent({ id, data }: FeedEvent): void {
  events.set([{ ...JSON.parse(data), event_id: id }, ...events.get()].slice(0, eventsMax));
}

/** The newest events, also after some were missed. */
export async function loadEvents(): Promise<void> {
  const { items } = await askJson<{ items: JournalEvent[] }>('/logs?limit=500');
  const known = new Set(items.map(({ event_id }) => event_id));
  const ours = events.get().filter(({ event_id }) => !known.has(event_id));
  const newest = items[0]?.time ?? '';
  // What came while this was asked for, and what is older than all that was answered.
  const newer = ours.filter(({ time }) => time >= newest);
  const older = ours.filter(({ time }) => time < (items.at(-1)?.time ?? ''));
  events.set([...newer, ...items, ...older].slice(0, eventsMax));
}

const texts = new WeakMap<JournalEvent, string>();

/** The fields beside those that each event has, as one line. */
export function fieldsText(one: JournalEvent): string {
  let text = texts.get(one);
  if (text === undefined) {
    text = fieldsOf(one)
      .map(([name, value]) => `${name}=${value}`)
      .join('  ');
    texts.set(one, text);
  }
  return text;
}

/** The same, one by one. */
export function fieldsOf(one: JournalEvent): [name: string, value: string][] {
  const { event_id, time, level, part, event, ...fields } = one;
  return Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
}
