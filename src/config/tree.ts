/**
 * What a file says, before anything is known of its meaning: values and the lines they stand on
 * (counted from 1, that of the key). Names are keys of a Map, so `__proto__` is a name like any
 * other.
 */
export type Tree = Table | List | Plain;

export interface Table {
  kind: 'table';
  line?: number;
  entries: Map<string, Tree>;
}

export interface List {
  kind: 'list';
  line?: number;
  items: Tree[];
}

export interface Plain {
  kind: 'plain';
  line?: number;
  value: unknown;
}

/** The text is not what it should be; `line` counts from 1. */
export class SyntaxProblem extends Error {
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(message);
  }
}

/**
 * Runs a parser that recurses. How deep it gets before the stack ends is the parser's affair; that
 * it ends is the text's.
 */
export function boundedDepth<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxProblem('nested too deeply, or too long');
    throw error;
  }
}
