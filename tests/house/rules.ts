import { posix } from 'node:path';

/** Source files of src by their paths from there, such as `relay/app.ts`. */
export type Sources = ReadonlyMap<string, string>;

const features = ['relay', 'tasks', 'sessions', 'players', 'status', 'dashboard'];
const shared = ['store', 'sockets', 'access', 'config', 'delivery'];
/** Files of a feature that touch the outside; every other one is its core. */
const outside = [
  ...['app.ts', 'calls.ts', 'connection.ts', 'http-parser.ts', 'files.ts', 'secrets.ts'],
  ...['metrics.ts', 'docs.ts', 'event-stream.ts', 'build.ts'],
];

const foreignToCores =
  /^(?:elysia|@elysiajs\/.*|bun|bun:.*|(?:node:)?(?:fs|net|http|https|http2|tls|dgram|worker_threads|child_process|timers|crypto|os)(?:\/.*)?)$/;
const usesOfTheWorld: readonly [string, RegExp][] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date without a time', /\bnew\s+Date\b(?!\s*\(\s*[^\s)])/],
  ['Date as a function', /(?<!new\s+)\bDate\s*\(/],
  ['performance', /\bperformance\s*\./],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['crypto', /\bcrypto\s*\./],
  ['timers', /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/],
  ['Bun', /\bBun\s*[.[]/],
  ['process', /\bprocess\s*[.[]/],
  ['fetch', /(?<![.\w])fetch\s*\(/],
];

const linesMax = 300;

/** What in these files breaks the rules of the house, one sentence each, in the order of the files. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  for (const [path, text] of sources) {
    const say = (what: string) => found.push(`${path}: ${what}`);
    const code = withoutComments(text);
    const imports = importsOf(code);
    checkForm(path, text, code, say);
    for (const name of imports) {
      if (!name.startsWith('.')) continue;
      const target = resolved(path, name);
      if (!name.endsWith('.ts') && !name.endsWith('.json')) say(`${name} lacks its ending`);
      else if (name.endsWith('.ts') && !sources.has(target)) say(`${name} is not there`);
      checkDirection(path, target, say);
    }
    if (isCore(path)) checkCore(code, imports, say);
  }
  return [...found, ...cyclesOf(sources)];
}

type Say = (what: string) => void;

function checkForm(path: string, text: string, code: string, say: Say): void {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > linesMax) say(`${lines} lines, ${linesMax} at most`);
  if (/^(?:index|utils|types)\.ts$/.test(posix.basename(path)))
    say('a file name that says nothing');
  if (/^\s*export\s+default\b/m.test(code) || /\bas\s+default\b/.test(code))
    say('a default export');
}

function checkDirection(path: string, target: string, say: Say): void {
  const [from, to] = [folderOf(path), folderOf(target)];
  const isFeature = features.includes(to);
  if (features.includes(from) && isFeature && from !== to)
    say(`imports another feature: ${target}`);
  if (shared.includes(from) && isFeature) say(`imports a feature: ${target}`);
  if (from !== '' && /^(?:main|server)\.ts$/.test(target)) say(`imports ${target}`);
  if (target === 'main.ts' || (target === 'server.ts' && path !== 'main.ts' && from === ''))
    say(`imports ${target}, which nobody may`);
  if (!features.includes(from) || from !== to) return;
  if (isCore(path) && !isCore(target)) say(`a core imports ${target}`);
  if (posix.basename(path) === 'messages.ts') say(`messages import ${target}`);
}

function checkCore(code: string, imports: readonly string[], say: Say): void {
  for (const name of imports) if (foreignToCores.test(name)) say(`a core imports ${name}`);
  const bare = withoutTexts(code);
  for (const [what, use] of usesOfTheWorld) if (use.test(bare)) say(`a core uses ${what}`);
}

function isCore(path: string): boolean {
  const folder = folderOf(path);
  // What runs in a browser has a world of its own.
  if (path.startsWith('dashboard/page/')) return false;
  return (
    (folder === 'delivery' || features.includes(folder)) && !outside.includes(posix.basename(path))
  );
}

/** The first folder of a path, empty at the top. */
function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function resolved(path: string, name: string): string {
  return posix.join(posix.dirname(path), name);
}

/** What a file imports or hands on, types and dynamic imports too. */
export function importsOf(code: string): string[] {
  const statement =
    /\b(?:import|export)\b(?:[\s\w{},*$]*?\bfrom\s*|\s*\(?\s*)(['"`])([^'"`\n]+)\1|\brequire\s*\(\s*(['"`])([^'"`\n]+)\3/g;
  return [...code.matchAll(statement)].map((match) => (match[2] ?? match[4])!);
}

const tokens =
  /(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)|(?<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[^])*`)/g;

function withoutComments(text: string): string {
  return text.replace(tokens, (all, comment) => (comment === undefined ? all : ' '));
}

/** Only for looking at names: what a template computes is kept. */
function withoutTexts(code: string): string {
  return code.replace(tokens, (all: string, comment) => {
    if (comment !== undefined) return ' ';
    if (!all.startsWith('`')) return "''";
    return `(${[...all.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]).join(';')})`;
  });
}

/** Each cycle of imports once, as `a.ts -> b.ts -> a.ts`. */
function cyclesOf(sources: Sources): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    if (way.includes(path)) {
      cycles.push(`a cycle: ${[...way.slice(way.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    way.push(path);
    for (const name of importsOf(withoutComments(sources.get(path)!))) {
      const target = resolved(path, name);
      if (name.startsWith('.') && sources.has(target)) visit(target);
    }
    way.pop();
    done.add(path);
  };
  for (const path of sources.keys()) visit(path);
  return cycles;
}
