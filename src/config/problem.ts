/** One thing that is wrong with what the operator wrote. */
export interface Problem {
  /** Where it stands: a file's path, the name of an environment variable, or a flag. */
  file: string;
  /** Counted from 1; only files have it. */
  line?: number;
  /** The setting, as `gateway.keys[0].role`; empty when the whole file is meant. */
  key: string;
  message: string;
}

/** `config.toml:12: gateway.queue_max: must be …`, on one line whatever the file contained. */
export function problemText({ file, line, key, message }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return oneLine([place, key, message].filter((part) => part !== '').join(': '));
}

/** A value for a message: short, and without line breaks or terminal codes. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return oneLine(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}

/** With line breaks, terminal codes and the like spelled out. */
export function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
