/** Levels in their order. */
export const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export type Log = (level: Level, part: string, event: string, fields?: object) => void;

export function isAtLeast(level: Level, least: Level): boolean {
  return levels.indexOf(level) >= levels.indexOf(least);
}

/** An event as every reader gets it. */
export interface LogEvent {
  wallMs: number;
  level: Level;
  part: string;
  event: string;
  /** Of `suppressed`: the event that is left out. */
  about?: string;
  /** All of it as one JSON object on one line, encoded once for all readers. */
  text: string;
}

/**
 * Of one event of one part in a second. Then an event says that they are left out, for who keeps a
 * picture of something; the next of the kind says how many were.
 */
const eventsASecond = { debug: 1000, info: 1000, warn: 20, error: 100 };

/**
 * Events for the output, the journal and the live feed, which all get the same. Chat text, payloads,
 * files and keys are never given to a log. Strangers can cause warnings, and by a fault of ours errors:
 * neither must fill the disk, nor push everything else out of the journal.
 */
export function eventLog(
  options: {
    least: Level;
    /** Folders that nobody outside needs to know: left out wherever an error names them. */
    hide?: readonly string[];
    nowMs?: () => number;
  },
  readers: readonly ((event: LogEvent) => void)[],
): Log {
  const { least, hide = [], nowMs = () => performance.now() } = options;
  const seconds = new Map<string, { second: number; count: number }>();

  /** How many of the kind came in this second, and were left out of the one in which it came before. */
  function counted(name: string, max: number): { count: number; suppressed: number } {
    const second = Math.floor(nowMs() / 1000);
    const last = seconds.get(name);
    if (last?.second === second) {
      last.count += 1;
      return { count: last.count, suppressed: 0 };
    }
    seconds.set(name, { second, count: 1 });
    return { count: 1, suppressed: Math.max(0, (last?.count ?? 0) - max) };
  }

  function tell(level: Level, part: string, event: string, more: object, about?: string): void {
    const wallMs = Date.now();
    const ours = { time: new Date(wallMs).toISOString(), level, part, event };
    let text = JSON.stringify({ ...ours, ...more, ...ours });
    for (const folder of hide) text = text.replaceAll(folder, '');
    const all: LogEvent = { wallMs, level, part, event, text, ...(about && { about }) };
    for (const read of readers) read(all);
  }

  return (level, part, event, more = {}) => {
    if (!isAtLeast(level, least)) return;
    const max = eventsASecond[level];
    const { count, suppressed } = counted(`${part} ${event}`, max);
    if (count <= max) tell(level, part, event, suppressed > 0 ? { ...more, suppressed } : more);
    else if (count === max + 1) tell('warn', part, 'suppressed', { of: event }, event);
  };
}

/**
 * One line an event: JSON, or readable text for a terminal. Whatever a client sent stays on its line
 * and sends the terminal no codes.
 */
export function lineOf({ text }: LogEvent, pretty: boolean): string {
  if (!pretty) return text;
  const { time, level, part, event, ...fields } = JSON.parse(text);
  const values = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${harmless(JSON.stringify(value))}`,
  );
  return `${time.slice(11, 19)} ${level.padEnd(5)} ${part}: ${event}${values.join('')}`;
}

/** JSON escapes what ASCII has to hide; this does it for the rest (C1 controls, bidi, separators). */
function harmless(json: string): string {
  return json.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
