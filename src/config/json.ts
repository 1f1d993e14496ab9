import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { boundedDepth, SyntaxProblem, type Tree } from './tree.ts';

/** Reads plain JSON, no comments; a name that appears twice is refused. Throws `SyntaxProblem`. */
export function readJson(text: string): Tree {
  return boundedDepth(() => {
    const errors: ParseError[] = [];
    const root = parseTree(text, errors, { disallowComments: true });
    const lineAt = lineCounter(text);
    const [first] = errors;
    if (first) throw new SyntaxProblem(sentence(first), lineAt(first.offset));
    // Where there was no error there is a value.
    return tree(root!, lineAt, lineAt(root!.offset));
  });
}

function tree(node: Node, lineAt: (offset: number) => number, line: number): Tree {
  const children = node.children ?? [];
  if (node.type === 'array') {
    const items = children.map((child) => tree(child, lineAt, lineAt(child.offset)));
    return { kind: 'list', line, items };
  }
  if (node.type !== 'object') return { kind: 'plain', line, value: node.value };
  const entries = new Map<string, Tree>();
  for (const { offset, children: pair } of children) {
    const name: string = pair![0]!.value;
    const at = lineAt(offset);
    if (entries.has(name)) throw new SyntaxProblem('A name appears twice', at);
    entries.set(name, tree(pair![1]!, lineAt, at));
  }
  return { kind: 'table', line, entries };
}

/** Lines of offsets, which must come in rising order. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let from = 0;
  return (offset) => {
    for (;;) {
      const end = text.indexOf('\n', from);
      if (end < 0 || end >= offset) return line;
      line++;
      from = end + 1;
    }
  };
}

/** `PropertyNameExpected` becomes `Property name expected`. */
function sentence({ error }: ParseError): string {
  return printParseErrorCode(error).replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
