import { Type, type TSchema, type TUnsafe } from '@sinclair/typebox';
import { parseDuration, parseSize } from './units.ts';

/**
 * The kinds of setting. Each is a TypeBox schema of the loaded value that carries its default and
 * one sentence; what else a reader or writer of files needs to know stands in `Notes`.
 */
export interface Notes {
  /** How the file writes a number that is loaded as milliseconds or bytes. */
  unit?: 'duration' | 'seconds' | 'size';
  /** The default as the file writes it. */
  written?: string;
  /** Never printed. */
  secret?: boolean;
  /** Control characters are allowed. */
  prose?: boolean;
  /** What is wrong with the text, worded to follow "must". */
  refuse?: (text: string) => string | undefined;
}

export const text = (description: string, fallback: string, notes: Notes = {}) =>
  Type.String({ default: fallback, description, ...notes });

export const whole = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ default: fallback, description, minimum, maximum });

export const number = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Number({ default: fallback, description, minimum, maximum });

export const flag = (description: string, fallback: boolean) =>
  Type.Boolean({ default: fallback, description });

export const port = (description: string, fallback: number) =>
  whole(description, fallback, 0, 65_535);

/** Written `"30s"`, loaded as milliseconds. */
export const duration = (description: string, fallback: string, from: string, to: string) =>
  ms('duration', description, fallback, from, to);

/** Written as a number of seconds or as `"30s"`, loaded as milliseconds. */
export const seconds = (description: string, fallback: string, from: string, to: string) =>
  ms('seconds', description, fallback, from, to);

function ms(unit: Notes['unit'], description: string, fallback: string, from: string, to: string) {
  return Type.Integer({
    default: parseDuration(fallback)!,
    description,
    minimum: parseDuration(from)!,
    maximum: parseDuration(to)!,
    unit,
    written: fallback,
  });
}

/** Written `"2MB"`, loaded as bytes. */
export const size = (description: string, fallback: string, from: string, to: string) =>
  Type.Integer({
    default: parseSize(fallback)!,
    description,
    minimum: parseSize(from)!,
    maximum: parseSize(to)!,
    unit: 'size',
    written: fallback,
  });

/** One word of a few. */
export const oneOf = <const Word extends string>(
  description: string,
  words: readonly Word[],
  fallback?: Word,
) =>
  Type.Union(
    words.map((word) => Type.Literal(word)),
    { default: fallback, description },
  ) as unknown as TUnsafe<Word>;

export const list = <Item extends TSchema>(
  description: string,
  item: Item,
  fallback: readonly unknown[] = [],
  limits: { minItems?: number; maxItems?: number } = {},
) => Type.Array(item, { default: fallback, description, ...limits });

/** A table whose keys the operator chooses; the loaded object has no prototype. */
export const map = <Item extends TSchema>(
  description: string,
  item: Item,
  fallback: Record<string, string>,
) => Type.Record(Type.String(), item, { default: fallback, description });

/** An item of a list or map: text without a default of its own. */
export const item = (notes: Notes) => Type.String({ ...notes });
