/** Levels in their order. */
const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export type Log = (level: Level, part: string, event: string, fields?: object) => void;

/** Lines of one warning that are written in a second; its next line says how many were not. */
const linesASecond = 20;

/**
 * One line an event: JSON, or readable text on a terminal. Whatever a client sent stays on its line
 * and sends the terminal no codes. Chat text, payloads, files and keys are never given to a log.
 */
export function lineLog(
  write: (line: string) => void,
  options: { least: Level; pretty: boolean; nowMs?: () => number },
): Log {
  const least = levels.indexOf(options.least);
  const { nowMs = () => performance.now() } = options;
  const seconds = new Map<string, { second: number; lines: number }>();

  /** Strangers can cause warnings: they must not fill the disk. */
  function isTooMany(event: string): { is: boolean; suppressed?: number } {
    const second = Math.floor(nowMs() / 1000);
    const last = seconds.get(event);
    if (last?.second === second) {
      last.lines += 1;
      return { is: last.lines > linesASecond };
    }
    seconds.set(event, { second, lines: 1 });
    const suppressed = Math.max(0, (last?.lines ?? 0) - linesASecond);
    return { is: false, ...(suppressed > 0 && { suppressed }) };
  }

  return (level, part, event, more = {}) => {
    if (levels.indexOf(level) < least) return;
    const { is: isSuppressed, ...note } = level === 'warn' ? isTooMany(event) : { is: false };
    if (isSuppressed) return;
    const fields = { ...more, ...note };
    const time = new Date().toISOString();
    if (!options.pretty) return write(JSON.stringify({ time, level, part, event, ...fields }));
    const values = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${harmless(JSON.stringify(value) ?? String(value))}`);
    write(`${time.slice(11, 19)} ${level.padEnd(5)} ${part}: ${event}${values.join('')}`);
  };
}

/** JSON escapes what ASCII has to hide; this does it for the rest (C1 controls, bidi, separators). */
function harmless(json: string): string {
  return json.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
