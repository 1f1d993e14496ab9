/** Levels in their order. */
export const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export type Log = (level: Level, part: string, event: string, fields?: object) => void;

/** An event as every reader gets it. */
export interface LogEvent {
  wallMs: number;
  level: Level;
  part: string;
  event: string;
  /** All of it as one JSON object on one line, encoded once for all readers. */
  text: string;
}

/** Of one event of one part in a second; the next says how many were left out. */
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
  const least = levels.indexOf(options.least);
  const { hide = [], nowMs = () => performance.now() } = options;
  const seconds = new Map<string, { second: number; count: number }>();

  function isTooMany(level: Level, name: string): { is: boolean; suppressed?: number } {
    const max = eventsASecond[level];
    const second = Math.floor(nowMs() / 1000);
    const last = seconds.get(name);
    if (last?.second === second) {
      last.count += 1;
      return { is: last.count > max };
    }
    seconds.set(name, { second, count: 1 });
    const suppressed = Math.max(0, (last?.count ?? 0) - max);
    return { is: false, ...(suppressed > 0 && { suppressed }) };
  }

  return (level, part, event, more = {}) => {
    if (levels.indexOf(level) < least) return;
    const { is: isSuppressed, ...note } = isTooMany(level, `${part} ${event}`);
    if (isSuppressed) return;
    const wallMs = Date.now();
    const time = new Date(wallMs).toISOString();
    let text = JSON.stringify({ time, level, part, event, ...more, ...note });
    for (const folder of hide) text = text.replaceAll(folder, '');
    const all: LogEvent = { wallMs, level, part, event, text };
    for (const read of readers) read(all);
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
