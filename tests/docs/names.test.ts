import { expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema } from '../../src/config/schema.ts';
import { mlsSchema } from '../../src/config/mls.ts';
import { blocksOf, markdownFiles, read, root, tableOf } from './markdown.ts';
import { mlsSettings, settings } from './tables.ts';

const sections = [configSchema, mlsSchema].map((schema) =>
  Object.entries(schema.properties)
    .filter(([, { properties }]) => properties !== undefined)
    .map(([name]) => name),
);

/** Names of settings, and of the tables that they are in. */
const known = new Set(
  [...settings.keys(), ...mlsSettings.keys()].flatMap((name) =>
    name.split('.').map((_, i, words) => words.slice(0, i + 1).join('.')),
  ),
);

test.each(markdownFiles())('every setting that %s names exists', (file) => {
  const name = new RegExp(`\`((?:${sections.flat().join('|')})(?:\\.[a-z_]+)+)`, 'g');
  const named = [...read(file).matchAll(name)].map((match) => match[1]!);
  expect(named.filter((one) => !one.endsWith('.ts') && !known.has(one))).toEqual([]);
});

const code = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => read(`src/${name}`))
  .join('\n')
  .replace(/`\$\{role\}(_\w+)`/g, "'mod$1', 'bot$1'")
  .replace(/`\$\{type\}(_result)`/g, "'auth$1', 'refresh$1', 'validate$1', 'logout$1'");

test.each(markdownFiles())('every name_of_a_thing in %s is one of the source', (file) => {
  const text = read(file).replace(/^```[^]*?^```$/gm, '');
  const named = [...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map((match) => match[1]!);
  expect(named.filter((one) => !new RegExp(`\\b${one}\\b`).test(code))).toEqual([]);
});

test('every setting of the table of those most wanted is one of mls.json', () => {
  const rows = tableOf(read('docs/operations.md'), 'setting', 'what for');
  const named = rows.flatMap(({ setting }) => setting!.split(', ')).map((one) => one.slice(1, -1));
  expect(named.filter((one) => !known.has(one) || settings.has(one))).toEqual([]);
});

test('the table of events has every event of the parts, and none that the source has not', () => {
  const rows = tableOf(read('docs/operations.md'), 'event', 'level', 'meaning');
  const documented = rows.flatMap(({ event }) => event!.split(', ')).map((one) => one.slice(1, -1));
  const name = "(?!(?:debug|info|warn|error)')(\\w+)";
  const reported = new RegExp(
    `\\breport\\(\\s*(?:'\\w+',\\s*)?'${name}'|\\blog\\(\\s*'\\w+',\\s*'\\w+',\\s*'${name}'`,
    'g',
  );
  const folders = ['relay', 'tasks', 'sessions', 'players', 'status', 'delivery', 'sockets'];
  const files = [
    'main.ts',
    'server.ts',
    ...folders.flatMap((folder) =>
      readdirSync(join(root, 'src', folder)).map((file) => `${folder}/${file}`),
    ),
  ];
  const events = files.flatMap((file) =>
    [...read(`src/${file}`).matchAll(reported)].map(([, one, other]) => (one ?? other)!),
  );
  expect(events.length).toBeGreaterThan(30);
  expect(events.filter((event) => !documented.includes(event))).toEqual([]);
  expect(documented.filter((event) => !code.includes(`'${event}'`))).toEqual([]);
});

test('the pages of the protocols have no block that is not played', () => {
  const pages = {
    'docs/protocol.md': ['json', 'toml'],
    'docs/protocol-tasks.md': ['json', 'http', 'sh'],
    'docs/protocol-sessions.md': ['json', 'http', 'sh', 'toml'],
    'docs/protocol-players.md': ['json', 'sh', 'toml', 'hex', 'text'],
    'docs/protocol-status.md': ['json', 'http', 'sh', 'toml', 'sse', 'js', 'text'],
  };
  for (const [page, languages] of Object.entries(pages)) {
    const others = blocksOf(read(page)).filter(({ language }) => !languages.includes(language));
    expect([page, others]).toEqual([page, []]);
  }
});
