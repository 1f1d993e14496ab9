import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importsOf, type Sources, violations } from './rules.ts';

const src = join(import.meta.dir, '../../src');

function ofThisProject(): Sources {
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).sort();
  return new Map(files.map((name) => [name, readFileSync(join(src, name), 'utf8')]));
}

const isAboutLength = (sentence: string) => sentence.endsWith(' lines, 300 at most');

test('the source keeps the rules of the house: directions, cores without a world, no cycles', () => {
  expect(violations(ofThisProject()).filter((one) => !isAboutLength(one))).toEqual([]);
});

test('no file of the source has more than 300 lines', () => {
  expect(violations(ofThisProject()).filter(isAboutLength)).toEqual([]);
});

test('the rules see the whole source: every folder, and every import that Bun sees', () => {
  const sources = ofThisProject();
  for (const file of ['main.ts', 'relay/relay.ts', 'store/worker.ts', 'config/load.ts'])
    expect(sources.has(file)).toBeTrue();
  const transpiler = new Bun.Transpiler({ loader: 'ts' });
  for (const [path, text] of sources) {
    const seen = new Set(importsOf(text));
    const missed = transpiler.scanImports(text).filter((one) => !seen.has(one.path));
    expect([path, missed]).toEqual([path, []]);
  }
});

/** A source that keeps every rule. */
const good = {
  'main.ts': "import { start } from './server.ts';\nstart();\n",
  'server.ts':
    "import { app } from './relay/app.ts';\nimport { players } from './players/app.ts';\nexport const start = () => [app, players, Date.now(), Bun.version];\n",
  'refusal.ts': 'export interface Refusal {}\n',
  'sockets/ports.ts': 'export interface Peer {}\n',
  'store/store.ts': 'export interface Store {}\n',
  'relay/messages.ts': "import type { Refusal } from '../refusal.ts';\nexport type M = Refusal;\n",
  'relay/relay.ts':
    "import type { M } from './messages.ts';\n// Date.now() and Bun.serve are not for a core.\nexport const at = (ms: number, m: M) => [new Date(ms), 'Math.random()', m];\n",
  'relay/app.ts':
    "import { Elysia } from 'elysia';\nimport { at } from './relay.ts';\nexport const app = [Elysia, at, Bun.version, setTimeout];\n",
  'relay/calls.ts':
    "import type { M } from './messages.ts';\nexport const call = (m: M) => fetch(String(m));\n",
  'players/app.ts': 'export const players = 1;\n',
};

test('a source that keeps the rules is in order', () => {
  expect(violations(new Map(Object.entries(good)))).toEqual([]);
});

const bad: [string, string, string, string][] = [
  [
    'a feature imports another',
    'players/app.ts',
    "import { at } from '../relay/relay.ts';",
    'players/app.ts: imports another feature: relay/relay.ts',
  ],
  [
    'also only a type',
    'players/app.ts',
    "import type { M } from '../relay/messages.ts';",
    'players/app.ts: imports another feature: relay/messages.ts',
  ],
  [
    'also over several lines',
    'players/app.ts',
    "import {\n  at,\n} from '../relay/relay.ts';",
    'players/app.ts: imports another feature: relay/relay.ts',
  ],
  [
    'also handed on',
    'players/app.ts',
    "export * from '../relay/relay.ts';",
    'players/app.ts: imports another feature: relay/relay.ts',
  ],
  [
    'also later',
    'players/app.ts',
    "await import('../relay/relay.ts');",
    'players/app.ts: imports another feature: relay/relay.ts',
  ],
  [
    'the store imports a feature',
    'store/store.ts',
    "import type { M } from '../relay/messages.ts';",
    'store/store.ts: imports a feature: relay/messages.ts',
  ],
  [
    'a feature imports the server',
    'status/app.ts',
    "import type { start } from '../server.ts';",
    'status/app.ts: imports server.ts',
  ],
  [
    'a core imports its app',
    'relay/rings.ts',
    "import { app } from './app.ts';",
    'relay/rings.ts: a core imports relay/app.ts',
  ],
  [
    'a core imports its calls',
    'relay/rings.ts',
    "import { call } from './calls.ts';",
    'relay/rings.ts: a core imports relay/calls.ts',
  ],
  [
    'messages import their core',
    'relay/messages.ts',
    "import type { at } from './rings.ts';",
    'relay/messages.ts: messages import relay/rings.ts',
  ],
  [
    'a core imports elysia',
    'relay/rings.ts',
    "import { t } from 'elysia';",
    'relay/rings.ts: a core imports elysia',
  ],
  [
    'a core imports Bun',
    'relay/rings.ts',
    "import { Database } from 'bun:sqlite';",
    'relay/rings.ts: a core imports bun:sqlite',
  ],
  [
    'a core imports files',
    'relay/rings.ts',
    "import { open } from 'node:fs/promises';",
    'relay/rings.ts: a core imports node:fs/promises',
  ],
  [
    'a core reads the clock',
    'relay/rings.ts',
    'const t = Date.now();',
    'relay/rings.ts: a core uses Date.now',
  ],
  [
    'a core hands the clock on',
    'relay/rings.ts',
    'const now = Date.now;',
    'relay/rings.ts: a core uses Date.now',
  ],
  [
    'a core makes the date of now',
    'relay/rings.ts',
    'const t = new Date();',
    'relay/rings.ts: a core uses new Date without a time',
  ],
  [
    'also without brackets',
    'relay/rings.ts',
    'const t = new Date;',
    'relay/rings.ts: a core uses new Date without a time',
  ],
  [
    'a core throws dice',
    'relay/rings.ts',
    'const r = Math.random();',
    'relay/rings.ts: a core uses Math.random',
  ],
  [
    'a core sets a timer',
    'relay/rings.ts',
    'setTimeout(f, 1);',
    'relay/rings.ts: a core uses timers',
  ],
  [
    'a core sets an interval',
    'relay/rings.ts',
    'setInterval(f, 1);',
    'relay/rings.ts: a core uses timers',
  ],
  [
    'a core knows Bun',
    'relay/rings.ts',
    'const p = Bun.file("x");',
    'relay/rings.ts: a core uses Bun',
  ],
  [
    'also in a template',
    'relay/rings.ts',
    'const p = `v${Bun.version}`;',
    'relay/rings.ts: a core uses Bun',
  ],
  [
    'what cores share reads the clock',
    'delivery/rings.ts',
    'const t = Date.now();',
    'delivery/rings.ts: a core uses Date.now',
  ],
  ['a default export', 'store/memory.ts', 'export default 1;', 'store/memory.ts: a default export'],
  [
    'a name handed on as the default',
    'store/memory.ts',
    'const a = 1;\nexport { a as default };',
    'store/memory.ts: a default export',
  ],
  [
    'an index',
    'store/index.ts',
    'export const a = 1;',
    'store/index.ts: a file name that says nothing',
  ],
  ['utils', 'utils.ts', 'export const a = 1;', 'utils.ts: a file name that says nothing'],
  [
    'types',
    'relay/types.ts',
    'export type A = 1;',
    'relay/types.ts: a file name that says nothing',
  ],
  ['a long file', 'store/memory.ts', '\n'.repeat(300), 'store/memory.ts: 301 lines, 300 at most'],
  [
    'an import without its ending',
    'store/memory.ts',
    "import { a } from './store';",
    'store/memory.ts: ./store lacks its ending',
  ],
  [
    'a cycle',
    'sockets/ports.ts',
    "import type { A } from './answers.ts';",
    'a cycle: sockets/ports.ts -> sockets/answers.ts -> sockets/ports.ts',
  ],
  [
    'a cycle of one',
    'store/memory.ts',
    "import { a } from './memory.ts';",
    'a cycle: store/memory.ts -> store/memory.ts',
  ],
];
test.each(bad)('what breaks a rule is told: %s', (_what, path, text, violation) => {
  const others = {
    'relay/rings.ts': 'export const at = 1;\n',
    'sockets/answers.ts': "import type { Peer } from './ports.ts';\nexport type A = Peer;\n",
  };
  const sources = new Map(Object.entries({ ...good, ...others, [path]: `${text}\n` }));
  expect(violations(sources)).toEqual([violation]);
});
