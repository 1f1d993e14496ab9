import type { SentEvent } from '../support/sse.ts';
import type { RealIds } from './examples.ts';

/** Numbers of the machine and of the moment. */
const measured =
  /^(?:uptime_seconds|latency_ms|latencyMs|ms|(?:resident_memory|store)_bytes|event_loop_lag_seconds)$/;
/** Texts that differ: whatever has this shape takes the place of what the page has. */
const shapes: Readonly<Record<string, RegExp>> = {
  uptime: /^\d\d\.\d\d:\d\d:\d\d$/,
  version: /^\d+\.\d+\.\d+$/,
};
const versions = /^(?:version|rawData|parsedData|server_version)$/;
/** Ids of events, and of sessions: the same wherever the page has the same. */
const idShapes = [/^[0-9a-z]{8}-\d+$/, /^[\w-]{16}$/];

/** The page's value with what can only be known by what came, beside what is so on all pages. */
export function filledHere(documented: unknown, got: unknown, ids: RealIds, name = ''): unknown {
  if (typeof documented === 'number')
    return measured.test(name) && typeof got === 'number' && got >= 0 ? got : documented;
  if (typeof documented === 'string')
    return typeof got === 'string' ? filledText(documented, got, ids, name) : documented;
  if (typeof documented !== 'object' || documented === null) return documented;
  const at = (key: string) => (got as Record<string, unknown> | null | undefined)?.[key];
  const entries = Object.entries(documented).map(
    ([key, value]) => [key, filledHere(value, at(key), ids, key)] as const,
  );
  return Array.isArray(documented)
    ? entries.map(([, value]) => value)
    : Object.fromEntries(entries);
}

function filledText(documented: string, got: string, ids: RealIds, name: string): string {
  const shape = shapes[versions.test(name) ? 'version' : name];
  if (shape !== undefined) return shape.test(documented) && shape.test(got) ? got : documented;
  if (!/^(?:event_)?id$/.test(name)) return documented;
  if (!idShapes.some((one) => one.test(documented) && one.test(got))) return documented;
  if (!ids.has(documented) && ![...ids.values()].includes(got)) ids.set(documented, got);
  return ids.get(documented) ?? documented;
}

/** Of what came, what the page shows: members of objects. */
export function partOf(documented: unknown, got: unknown): unknown {
  if (!isObject(documented) || !isObject(got)) return got;
  const kept = Object.keys(documented).filter((key) => key in got);
  return Object.fromEntries(kept.map((key) => [key, partOf(documented[key], got[key])]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a block of server-sent events shows. */
export interface ShownEvents {
  events: SentEvent[];
  comments: string[];
  retry: number | undefined;
}

export function eventsIn(text: string): ShownEvents {
  const all: ShownEvents = { events: [], comments: [], retry: undefined };
  for (const block of text.trimEnd().split('\n\n')) {
    const fields: Record<string, string> = {};
    for (const line of block.split('\n')) {
      const [, name, value] = /^([^:]*): ?(.*)$/.exec(line)!;
      if (name === '') all.comments.push(value!);
      else fields[name!] = value!;
    }
    const { id, event = 'message', data, retry } = fields;
    if (data !== undefined) all.events.push({ id, event, data: JSON.parse(data) });
    if (retry !== undefined) all.retry = Number(retry);
  }
  return all;
}
