import { ParseError, parseTOML, type AST } from 'toml-eslint-parser';
import { boundedDepth, SyntaxProblem, type Table, type Tree } from './tree.ts';

/** Reads TOML 1.1; throws `SyntaxProblem`. */
export function readToml(text: string): Table {
  return boundedDepth(() => {
    const root: Table = { kind: 'table', entries: new Map() };
    for (const part of program(text).body[0].body) {
      if (part.type === 'TOMLKeyValue') put(root, part);
      else putTable(root, part);
    }
    return root;
  });
}

function program(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text);
  } catch (error) {
    if (error instanceof ParseError) throw new SyntaxProblem(error.message, error.lineNumber);
    throw error;
  }
}

function putTable(root: Table, part: AST.TOMLTable): void {
  const line = part.loc.start.line;
  const path = names(part.key);
  let table = root;
  if (part.kind === 'array') {
    const holder = within(root, path.slice(0, -1), line);
    const list = holder.entries.get(path.at(-1)!) ?? { kind: 'list', line, items: [] };
    holder.entries.set(path.at(-1)!, list);
    table = { kind: 'table', line, entries: new Map() };
    if (list.kind === 'list') list.items.push(table);
  } else {
    table = within(root, path, line);
  }
  for (const pair of part.body) put(table, pair);
}

function put(table: Table, pair: AST.TOMLKeyValue): void {
  const line = pair.loc.start.line;
  const path = names(pair.key);
  within(table, path.slice(0, -1), line).entries.set(path.at(-1)!, tree(pair.value, line));
}

/** The table at the end of a path, made where it is missing; in a list of tables, the newest. */
function within(table: Table, path: readonly string[], line: number): Table {
  for (const name of path) {
    let next = table.entries.get(name);
    if (next?.kind === 'list') next = next.items.at(-1);
    if (next?.kind !== 'table') {
      // The parser has refused a text in which a name is both a table and something else.
      next = { kind: 'table', line, entries: new Map() };
      table.entries.set(name, next);
    }
    table = next;
  }
  return table;
}

function tree(node: AST.TOMLContentNode, line: number): Tree {
  if (node.type === 'TOMLArray') {
    const items = node.elements.map((element) => tree(element, element.loc.start.line));
    return { kind: 'list', line, items };
  }
  if (node.type === 'TOMLInlineTable') {
    const table: Table = { kind: 'table', line, entries: new Map() };
    for (const pair of node.body) put(table, pair);
    return table;
  }
  return { kind: 'plain', line, value: node.value };
}

function names(key: AST.TOMLKey): string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value));
}
