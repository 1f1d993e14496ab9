import { expect } from 'bun:test';
import type { TSchema } from '@sinclair/typebox';
import { mlsSchema } from '../../src/config/mls.ts';
import { configSchema } from '../../src/config/schema.ts';
import { settingsOf } from '../../src/config/settings.ts';
import type { Refusal } from '../../src/refusal.ts';
import { tableOf, unquoted } from './markdown.ts';

function byName(schema: TSchema): Map<string, TSchema> {
  return new Map(settingsOf(schema).map((setting) => [setting.path.join('.'), setting.schema]));
}

/** Settings of config.toml by their names, such as `gateway.queue_max`. */
export const settings = byName(configSchema);
/** Those of mls.json, such as `ws.read_timeout`. */
export const mlsSettings = byName(mlsSchema);

/** The page's table of refusals has exactly these, and says in one of these ways how they are told. */
export function expectRefusals(page: string, all: Record<string, Refusal>, hows: RegExp): void {
  const rows = tableOf(page, 'name', 'when', 'how', 'code', 'close', 'text', 'again');
  const documented = rows.map(({ name, code, close, text, again }) => ({
    name: unquoted(name!),
    code: Number(code),
    close: close === '–' ? undefined : Number(close),
    message: text!,
    retry: { yes: true, no: false }[again!],
  }));
  const real = Object.entries(all).map(([name, { code, close, message, retry }]) => ({
    name,
    code,
    close,
    message,
    retry,
  }));
  const inOrder = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(documented.sort(inOrder)).toEqual(real.sort(inOrder) as typeof documented);
  for (const { how, close } of rows) expect(how!.endsWith('close')).toBe(close !== '–');
  expect(rows.filter(({ how }) => !hows.test(how!))).toEqual([]);
}

/** The page's table of bounds has the defaults of the schemas; gives the names of its settings. */
export function expectBounds(page: string): string[] {
  const rows = tableOf(page, 'setting', 'default', 'past it');
  const documented = rows.map((row) => [unquoted(row.setting!), row.default!.replace(/ \(.*/, '')]);
  const real = documented.map(([name]) => {
    const schema = settings.get(name!) ?? mlsSettings.get(name!);
    return [name, schema && String(schema.written ?? schema.default)];
  });
  expect(documented).toEqual(real as typeof documented);
  return documented.map(([name]) => name!);
}
