/** A JSON Schema, or any other part of the document. */
export type Json = Record<string, unknown>;

/**
 * TypeBox's schemas as JSON Schema has them: its regular expressions become strings with a
 * `pattern`, which in JSON Schema is always a Unicode one.
 */
export function asJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const { type, source, flags, ...rest } = value as Json;
  if (type === 'RegExp') return { type: 'string', pattern: source, ...rest };
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asJsonSchema(one)]));
}

const exampleTime = '2026-11-21T12:00:00.000Z';
const exampleUuid = '3f1c9c52-6f0e-4d43-9a55-0c7c3c1f0a11';

/**
 * A value that the schema allows: its own example, default or constant where it has one, else made
 * of those of its parts. Members that may be missing are in it.
 */
export function exampleOf(schema: Json): unknown {
  const { examples, type, format, properties, patternProperties, items } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if ('const' in schema) return schema.const;
  if ('default' in schema) return schema.default;
  const [choice] = (schema.anyOf ?? schema.enum ?? []) as unknown[];
  if (choice !== undefined) return Array.isArray(schema.anyOf) ? exampleOf(choice as Json) : choice;
  if (properties !== undefined) return mapped(properties, (name) => name);
  // Of a record: one name that stands for any.
  if (patternProperties !== undefined) return mapped(patternProperties, () => 'name');
  if (type === 'array') return [exampleOf(items as Json)];
  if (type === 'string') return textOf(format, schema);
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0;
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  return {};
}

function textOf(format: unknown, { minLength }: Json): string {
  if (format === 'date-time') return exampleTime;
  if (format === 'uuid') return exampleUuid;
  return 'text'.padEnd((minLength as number | undefined) ?? 0, '.');
}

function mapped(schemas: unknown, nameOf: (key: string) => string): Json {
  const entries = Object.entries(schemas as Record<string, Json>);
  return Object.fromEntries(entries.map(([key, schema]) => [nameOf(key), exampleOf(schema)]));
}
