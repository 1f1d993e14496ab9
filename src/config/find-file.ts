import { resolve } from 'node:path';
import type { Problem } from './problem.ts';
import { readSmallFile } from './read-file.ts';
import { SyntaxProblem, type Table, type Tree } from './tree.ts';

/** A file that is there; its table is empty if there was a problem with it. */
export interface Found {
  path: string;
  table: Table;
}

export interface Search {
  /** The file that the flag names, if any. It must exist. */
  flagged: string | undefined;
  flag: string;
  /** Where to look without the flag; the first that exists counts. */
  places: readonly string[];
  cwd: string;
  read: (text: string) => Tree;
  /** A file that is there and cannot be read is put in here, never passed over. */
  problems: Problem[];
}

export function findFile(search: Search): Found | undefined {
  const { flagged, flag, cwd, read, problems } = search;
  for (const path of flagged === undefined ? search.places : [resolve(cwd, flagged)]) {
    try {
      const text = readSmallFile(path);
      if (text === undefined) continue;
      const table = read(text);
      if (table.kind !== 'table') throw new SyntaxProblem('must be a JSON object', table.line);
      return { path, table };
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      problems.push({ file: path, line: error.line, key: '', message: error.message });
      return { path, table: { kind: 'table', entries: new Map() } };
    }
  }
  if (flagged !== undefined) {
    problems.push({ file: flag, key: '', message: `there is no file ${flagged}` });
  }
  return undefined;
}
