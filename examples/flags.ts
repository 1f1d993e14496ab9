import { parseArgs } from 'node:util';

/** The flags that both clients have. */
export interface LinkFlags {
  url: string;
  apiKey: string;
  backOffMs: number;
}

type Values = Record<string, string | boolean | undefined>;

/**
 * Reads `process.argv`: `text` flags take a value, `yesNo` flags none. An unknown flag, a missing
 * value or `--help` prints `usage` and ends the process.
 */
export function readFlags(text: string[], yesNo: string[], usage: string): Values {
  const options: Record<string, { type: 'string' | 'boolean' }> = { help: { type: 'boolean' } };
  for (const name of ['url', 'key', 'back-off-ms', ...text]) options[name] = { type: 'string' };
  for (const name of yesNo) options[name] = { type: 'boolean' };
  let values: Values;
  try {
    values = parseArgs({ options, strict: true }).values as Values;
  } catch (error) {
    return leave(`${(error as Error).message}\n${usage}`, 2);
  }
  return values.help ? leave(usage, 0) : values;
}

/** Where the relay is and who we are; the key is never printed. */
export function linkFlags(values: Values): LinkFlags {
  const apiKey = String(values.key ?? process.env.RELAY_API_KEY ?? '');
  if (apiKey === '') return leave('the API key is missing: set RELAY_API_KEY, or give --key', 2);
  const url = String(values.url ?? 'ws://127.0.0.1:3333');
  if (!URL.canParse(url) || !/^(ws|http)s?:/.test(url)) {
    return leave('--url must look like ws://127.0.0.1:3333', 2);
  }
  return { url, apiKey, backOffMs: wholeMs(values, 'back-off-ms', 1_000) };
}

/** A flag in whole milliseconds, 1 or more. */
export function wholeMs(values: Values, name: string, defaultMs: number): number {
  const ms = Number(values[name] ?? defaultMs);
  return Number.isSafeInteger(ms) && ms > 0
    ? ms
    : leave(`--${name} must be a whole number above 0`, 2);
}

/** Prints a last sentence and ends the process. */
export function leave(text: string, code: number): never {
  (code === 0 ? console.log : console.error)(text);
  process.exit(code);
}
