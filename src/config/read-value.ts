import type { TSchema } from '@sinclair/typebox';
import { Check } from '@sinclair/typebox/value';
import { nearest } from './nearest.ts';
import { shown } from './problem.ts';
import { isSection, mapValues } from './settings.ts';
import type { Table, Tree } from './tree.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

/** Takes one problem: the key, the message, and the line if there is one. */
export type Report = (key: string, message: string, line: number | undefined) => void;

/** The loaded value of what a file says, or undefined after one or more reports. */
export function readValue(schema: TSchema, tree: Tree, key: string, report: Report): unknown {
  if (schema.type === 'array') return readList(schema, tree, key, report);
  if (isSection(schema)) return readTable(schema, tree, key, report);
  const values = mapValues(schema);
  if (values) return readMap(values, tree, key, report);
  const value = tree.kind === 'plain' ? loaded(schema, tree.value) : undefined;
  const wrong = value === undefined || !Check(schema, value);
  const message = wrong ? `must be ${expectation(schema)}` : textProblem(schema, value);
  if (message === undefined) return value;
  report(key, wrong ? `${message}${notThis(schema, tree)}` : message, tree.line);
  return undefined;
}

/**
 * Reports every name of a table that the schema does not have. `elsewhere` are the keys of other
 * tables, for a name that stands in the wrong one.
 */
export function reportUnknown(
  schema: TSchema,
  table: Table,
  key: string,
  report: Report,
  elsewhere: readonly string[] = [],
): void {
  const known = Object.keys(schema.properties);
  for (const [name, { line }] of table.entries) {
    if (known.includes(name)) continue;
    const near = nearest(name, known) ?? elsewhere.find((other) => other.endsWith(`.${name}`));
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    report(childKey(key, name), `is not a setting${hint}`, line);
  }
}

export function childKey(key: string, name: string): string {
  const part = /^[\w-]{1,80}$/.test(name) ? name : shown(name);
  return key === '' ? part : `${key}.${part}`;
}

function readList(schema: TSchema, tree: Tree, key: string, report: Report): unknown {
  const { minItems = 0, maxItems = 10_000 } = schema;
  if (tree.kind !== 'list') {
    report(key, 'must be a list', tree.line);
    return undefined;
  }
  if (tree.items.length < minItems || tree.items.length > maxItems) {
    report(key, `must have ${minItems} to ${maxItems} items`, tree.line);
    return undefined;
  }
  const values = tree.items.map((item, index) =>
    readValue(schema.items, item, `${key}[${index}]`, report),
  );
  return values.includes(undefined) ? undefined : values;
}

function readTable(schema: TSchema, tree: Tree, key: string, report: Report): unknown {
  if (tree.kind !== 'table') {
    report(key, 'must be a table', tree.line);
    return undefined;
  }
  let good = true;
  const reportHere: Report = (...problem) => {
    good = false;
    report(...problem);
  };
  reportUnknown(schema, tree, key, reportHere);
  const value: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(schema.properties as Record<string, TSchema>)) {
    const entry = tree.entries.get(name);
    if (entry) value[name] = readValue(child, entry, childKey(key, name), reportHere);
    else if (schema.required?.includes(name)) {
      reportHere(childKey(key, name), 'is missing', tree.line);
    }
  }
  return good ? value : undefined;
}

function readMap(values: TSchema, tree: Tree, key: string, report: Report): unknown {
  if (tree.kind !== 'table') {
    report(key, 'must be a table', tree.line);
    return undefined;
  }
  const map: Record<string, unknown> = Object.create(null);
  let good = true;
  for (const [name, entry] of tree.entries) {
    const problem = textProblem(values, name);
    if (problem !== undefined) report(childKey(key, name), `the name ${problem}`, entry.line);
    map[name] = readValue(values, entry, childKey(key, name), report);
    good &&= problem === undefined && map[name] !== undefined;
  }
  return good ? map : undefined;
}

/** What the written value is in the unit of the loaded one; undefined: nothing that it could be. */
function loaded({ unit }: TSchema, value: unknown): unknown {
  if (unit === 'size') return typeof value === 'string' ? parseSize(value) : undefined;
  if (unit === undefined) return value;
  if (typeof value === 'string') return parseDuration(value);
  return unit === 'seconds' && typeof value === 'number' ? Math.round(value * 1000) : undefined;
}

function expectation(schema: TSchema): string {
  const { unit, minimum, maximum, anyOf, type } = schema;
  if (unit === 'size') {
    return `a size such as "2MB", from ${formatSize(minimum)} to ${formatSize(maximum)}`;
  }
  if (unit !== undefined) {
    const form =
      unit === 'seconds' ? 'a number of seconds, or "100ms"' : 'a duration such as "30s"';
    return `${form}, from ${formatDuration(minimum)} to ${formatDuration(maximum)}`;
  }
  if (anyOf) return `one of ${anyOf.map((one: TSchema) => `"${one.const}"`).join(', ')}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'string') return 'text';
  return `a ${type === 'integer' ? 'whole ' : ''}number from ${minimum} to ${maximum}`;
}

function textProblem({ refuse, prose }: TSchema, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const control = !prose && /\p{Cc}/u.test(value);
  const problem = control ? 'not contain control characters' : refuse?.(value);
  return problem === undefined ? undefined : `must ${problem}`;
}

function notThis({ secret }: TSchema, tree: Tree): string {
  if (tree.kind !== 'plain') return `, not a ${tree.kind}`;
  return secret ? '' : `, not ${shown(tree.value)}`;
}
