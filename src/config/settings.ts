import type { TSchema } from '@sinclair/typebox';

/** A setting and where it stands: `['server', 'tls', 'cert']`. */
export interface Setting {
  path: readonly string[];
  schema: TSchema;
}

/** Every setting of a schema, in its order. Tables inside tables are sections, not settings. */
export function settingsOf(schema: TSchema, path: readonly string[] = []): Setting[] {
  if (!isSection(schema)) return [{ path, schema }];
  return Object.entries(schema.properties as Record<string, TSchema>).flatMap(([name, child]) =>
    settingsOf(child, [...path, name]),
  );
}

/** A table whose names we know. */
export function isSection(schema: TSchema): boolean {
  return schema.properties !== undefined;
}

/** A table whose names the operator chooses: the schema of its values. */
export function mapValues(schema: TSchema): TSchema | undefined {
  return Object.values((schema.patternProperties as Record<string, TSchema>) ?? {})[0];
}

/** `MOONSTEAD_SERVER_TLS_CERT`. */
export function variableName(prefix: string, path: readonly string[]): string {
  return prefix + path.join('_').toUpperCase();
}

export function valueAt(root: object, path: readonly string[]): unknown {
  return path.reduce<any>((value, name) => value?.[name], root);
}

/** Sets what is at a path whose tables all exist. */
export function setAt(root: object, path: readonly string[], value: unknown): void {
  (valueAt(root, path.slice(0, -1)) as Record<string, unknown>)[path.at(-1)!] = value;
}
