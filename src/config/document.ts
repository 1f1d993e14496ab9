import type { TSchema } from '@sinclair/typebox';
import { Create } from '@sinclair/typebox/value';
import { readJson } from './json.ts';
import { shown, type Problem } from './problem.ts';
import { childKey, readValue, reportUnknown, type Report } from './read-value.ts';
import { isSection, mapValues, setAt, settingsOf, variableName } from './settings.ts';
import { SyntaxProblem, type Table, type Tree } from './tree.ts';

/** Where the settings of one schema come from; the later of file, environment and flags wins. */
export interface Sources {
  schema: TSchema;
  file: { path: string; table: Table } | undefined;
  variablePrefix: string;
  env: Readonly<Record<string, string | undefined>>;
  /** By key (`server.host`): the flag's name and its text. */
  flags: ReadonlyMap<string, { flag: string; text: string }>;
}

export interface Reading {
  /** Complete: what was refused or not given has its default. */
  value: object;
  /** By key (items and names of maps too), where it was set: a file with line, a variable, a flag. */
  origins: Map<string, string>;
  problems: Problem[];
}

/** Reads every setting of a schema from all of its sources; whatever is wrong is in `problems`. */
export function readDocument(sources: Sources): Reading {
  const { schema, file, env, flags } = sources;
  const value = Create(schema) as object;
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  const reportTo =
    (place: string): Report =>
    (key, message, line) =>
      problems.push({ file: place, line, key, message });

  if (file) reportSections(schema, file.table, '', reportTo(file.path), keysOf(schema));
  for (const { path, schema: setting } of settingsOf(schema)) {
    const key = path.join('.');
    const take = (place: string, tree: Tree | undefined, report = reportTo(place)) => {
      const read = tree && readValue(setting, tree, key, report);
      if (read === undefined) return;
      setAt(value, path, read);
      noteOrigins(origins, place, key, tree!);
    };
    if (file) take(file.path, treeAt(file.table, path));
    const name = variableName(sources.variablePrefix, path);
    const variable = env[name];
    if (variable !== undefined) take(name, textTree(setting, variable, key, reportTo(name)));
    const flag = flags.get(key);
    if (!flag) continue;
    // A flag may set several keys; what is wrong with it is wrong once, and has its own name.
    const report: Report = (_, message) => reportTo(flag.flag)('', message, undefined);
    take(flag.flag, textTree(setting, flag.text, key, report), report);
  }
  return { value, origins, problems };
}

function noteOrigins(origins: Map<string, string>, place: string, key: string, tree: Tree): void {
  origins.set(key, tree.line === undefined ? place : `${place}:${tree.line}`);
  if (tree.kind === 'list') {
    tree.items.forEach((item, index) => noteOrigins(origins, place, `${key}[${index}]`, item));
  }
  if (tree.kind === 'table') {
    tree.entries.forEach((entry, name) => noteOrigins(origins, place, childKey(key, name), entry));
  }
}

/** Every key of a schema, as `server.tls.cert`. */
export function keysOf(schema: TSchema): string[] {
  return settingsOf(schema).map(({ path }) => path.join('.'));
}

function reportSections(
  schema: TSchema,
  table: Table,
  key: string,
  report: Report,
  elsewhere: readonly string[],
): void {
  reportUnknown(schema, table, key, report, elsewhere);
  for (const [name, child] of Object.entries(schema.properties as Record<string, TSchema>)) {
    const entry = table.entries.get(name);
    if (!entry || !isSection(child)) continue;
    const here = childKey(key, name);
    if (entry.kind === 'table') reportSections(child, entry, here, report, elsewhere);
    else report(here, 'must be a table', entry.line);
  }
}

function treeAt(table: Table, path: readonly string[]): Tree | undefined {
  let tree: Tree | undefined = table;
  for (const name of path) tree = tree?.kind === 'table' ? tree.entries.get(name) : undefined;
  return tree;
}

/** What the text of a variable or a flag means for a setting; lists and maps are JSON. */
function textTree(setting: TSchema, text: string, key: string, report: Report): Tree | undefined {
  if (setting.type === 'array' || mapValues(setting)) {
    try {
      return withoutLines(readJson(text));
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      report(key, `must be JSON (${error.message})`, undefined);
      return undefined;
    }
  }
  return { kind: 'plain', value: plain(setting, text) };
}

function plain({ type, unit }: TSchema, text: string): unknown {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  const isNumber = unit === 'seconds' || ((type === 'integer' || type === 'number') && !unit);
  return isNumber && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

/** A variable has no lines worth naming. */
function withoutLines(tree: Tree): Tree {
  delete tree.line;
  if (tree.kind === 'list') tree.items.forEach(withoutLines);
  if (tree.kind === 'table') tree.entries.forEach(withoutLines);
  return tree;
}

/** Reports every variable of ours that names no setting. */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  near: (name: string) => string | undefined,
): Problem[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('MOONSTEAD_') && !ofKubernetes.test(name))
    .filter((name) => !known.includes(name))
    .filter((name) => isOfSection(name, known) || near(name) !== undefined)
    .map((name) => {
      const hint = near(name);
      const message = `is not a setting${hint === undefined ? '' : `; did you mean ${hint}?`}`;
      return { file: shown(name).slice(1, -1), key: '', message };
    });
}

/** What Kubernetes sets in every container for a service that is named moonstead. */
const ofKubernetes = /^MOONSTEAD_(?:SERVICE_|PORT(?:_|$))/;

function isOfSection(name: string, known: readonly string[]): boolean {
  const section = (variable: string) => variable.split('_', 2).join('_');
  return known.some((variable) => section(variable) === section(name));
}
