import type { TSchema } from '@sinclair/typebox';
import { oneLine } from './problem.ts';
import { isSection, mapValues } from './settings.ts';
import { formatDuration, formatSize } from './units.ts';

/** What the writer asks of its caller for each setting. */
export interface Remarks {
  /** Lines of comment above, without `#`. */
  above?(key: string, schema: TSchema): string[];
  /** A comment behind. */
  behind?(key: string): string | undefined;
  /** Lines in the place of a list of tables that is empty, or of a setting that is not set. */
  absent?(key: string): string[] | undefined;
  hideSecrets?: boolean;
}

/** The lines of a TOML document that holds all of `value`, in the order of the schema. */
export function tomlLines(schema: TSchema, value: object, remarks: Remarks, name = ''): string[] {
  const lines: string[] = [];
  const tables: string[] = [];
  for (const [last, child] of Object.entries(schema.properties as Record<string, TSchema>)) {
    const key = name === '' ? last : `${name}.${last}`;
    const item: unknown = (value as Record<string, unknown>)[last];
    if (isSection(child)) {
      tables.push('', `[${key}]`, ...tomlLines(child, item as object, remarks, key));
      continue;
    }
    const above = (remarks.above?.(key, child) ?? []).map((text) => `# ${text}`);
    const note = remarks.behind?.(key);
    const behind = note === undefined ? '' : ` # ${oneLine(note)}`;
    const isMap = mapValues(child) !== undefined;
    const rows = (isMap ? [item] : isTables(child) ? item : []) as object[];
    const isUnset = item === undefined || (isTables(child) && rows.length === 0);
    const absent = isUnset ? remarks.absent?.(key) : undefined;
    if (absent) {
      if (isTables(child)) tables.push('', ...above, ...absent);
      else lines.push(...above, ...absent);
    } else if (rows.length > 0) {
      const header = `${isMap ? `[${key}]` : `[[${key}]]`}${behind}`;
      const blocks = rows.flatMap((row) => ['', header, ...pairs(child, row, remarks)]);
      tables.push('', ...above, ...blocks.slice(1));
    } else if (item !== undefined) {
      lines.push(...above, `${last} = ${written(child, item, remarks)}${behind}`);
    }
  }
  return [...lines, ...tables];
}

function pairs(schema: TSchema, value: object, remarks: Remarks): string[] {
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([name, item]) => {
      const child: TSchema = mapValues(schema) ?? schema.items.properties[name];
      return `${/^[\w-]+$/.test(name) ? name : string(name)} = ${written(child, item, remarks)}`;
    });
}

function written(schema: TSchema, value: unknown, remarks: Remarks): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => written(schema.items, item, remarks)).join(', ')}]`;
  }
  if (typeof value === 'string') {
    return string(schema.secret && remarks.hideSecrets && value !== '' ? '***' : value);
  }
  if (schema.unit !== undefined && value === schema.default) return string(schema.written);
  if (schema.unit === 'size') return string(formatSize(value as number));
  if (schema.unit !== undefined) return string(formatDuration(value as number));
  return String(value);
}

/** A basic string; JSON's escapes are TOML's. */
function string(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`,
  );
}

function isTables(schema: TSchema): boolean {
  return schema.type === 'array' && isSection(schema.items);
}
