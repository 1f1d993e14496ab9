/** Levels in their order. */
const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export type Log = (level: Level, part: string, event: string, fields?: object) => void;

/**
 * One line an event: JSON, or readable text on a terminal. Whatever a client sent stays on its line
 * and sends the terminal no codes. Chat text, payloads, files and keys are never given to a log.
 */
export function lineLog(
  write: (line: string) => void,
  options: { least: Level; pretty: boolean },
): Log {
  const least = levels.indexOf(options.least);
  return (level, part, event, fields = {}) => {
    if (levels.indexOf(level) < least) return;
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
