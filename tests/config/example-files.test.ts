import { afterEach, expect, test } from 'bun:test';
import type { TSchema } from '@sinclair/typebox';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleMls, exampleToml } from '../../src/config/example.ts';
import { defaultMls, mlsSchema } from '../../src/config/mls.ts';
import { configSchema, defaultConfig } from '../../src/config/schema.ts';
import { settingsOf, valueAt } from '../../src/config/settings.ts';
import { parseDuration, parseSize } from '../../src/config/units.ts';
import { folderWith, loadIn, removeFolders } from './folder.ts';

afterEach(removeFolders);

const root = join(import.meta.dir, '../..');
const toml = readFileSync(join(root, 'config.example.toml'), 'utf8');
const json = readFileSync(join(root, 'mls.example.json'), 'utf8');

/** Not set, or an empty list of tables: shown as an example in a comment. */
const commented = {
  'gateway.keys': '[[gateway.keys]]',
  'auth.port': 'port = 8080',
  'api.keys': '[[api.keys]]',
};

function load(config: string, mls: string) {
  return loadIn(folderWith({ 'config.toml': config, 'mls.json': mls }));
}

function leaves(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, child]): [string, unknown][] =>
    typeof child === 'object' && !Array.isArray(child)
      ? leaves(child, `${path}${name}.`)
      : [[`${path}${name}`, child]],
  );
}

/** As the loader would have it. */
function loaded({ unit }: TSchema, value: unknown): unknown {
  if (unit === 'duration') return parseDuration(value as string);
  if (unit === 'seconds') return (value as number) * 1000;
  return unit === 'size' ? parseSize(value as string) : value;
}

test('config.example.toml holds every setting, no other, each with its default', () => {
  const written = new Map(leaves(Bun.TOML.parse(toml)));
  for (const { path, schema } of settingsOf(configSchema)) {
    const key = path.join('.');
    if (key in commented) continue;
    expect([key, loaded(schema, written.get(key))]).toEqual([key, schema.default]);
    written.delete(key);
  }
  expect([...written.keys()]).toEqual([]);
});

test('config.example.toml says of every setting what the schema says', () => {
  const lines = toml.split('\n');
  let section = '';
  const told = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    section = /^\[([\w.]+)\]$/.exec(line)?.[1] ?? section;
    const [, hidden, name] = /^(# )?(\w+) = /.exec(line) ?? [];
    const above = lines.at(index - 1)!.replace(/^# /, '');
    if (name !== undefined && (hidden === undefined || `${section}.${name}` in commented)) {
      told.set(`${section}.${name}`, above);
    }
    const tables = /^# \[\[([\w.]+)\]\]$/.exec(line)?.[1];
    if (tables !== undefined) told.set(tables, above);
  }
  const sentences = settingsOf(configSchema).map(({ path, schema }): [string, string] => [
    path.join('.'),
    schema.description!,
  ]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(sentences));
});

test('mls.example.json holds every key, no other, each with its default', () => {
  const { note, ...values } = JSON.parse(json);
  expect(note).toBe('This is an example config. Copy it to /etc/moonlight/mls.json');
  const settings = settingsOf(mlsSchema).filter(({ path }) => path[0] !== 'note');
  for (const { path, schema } of settings) {
    const value = loaded(schema, valueAt(values, path));
    expect([path.join('.'), value]).toEqual([path.join('.'), schema.default]);
  }
  const keys = leaves(values).map(([key]) => key.replace(/^(region_hierarchy)\..*/, '$1'));
  expect(new Set(keys)).toEqual(new Set(settings.map(({ path }) => path.join('.'))));
});

test('the example files load without a problem, to the defaults', () => {
  const { config, mls, problems } = load(toml, json);
  expect(problems).toEqual([]);
  const expected = defaultConfig();
  expect({ ...config, server: { ...config.server, data_dir: 'data' } }).toEqual(expected);
  expect(mls).toEqual({ ...defaultMls(), note: expect.any(String) });
});

test('the examples in comments load too', () => {
  const all = toml.replace(/^# ((?:\[\[|\w+ = ).*)$/gm, '$1');
  const { config, problems } = load(all, json);
  expect(problems).toEqual([]);
  expect(config.auth.port).toBe(8080);
  expect(config.gateway.keys).toHaveLength(1);
  expect(config.api.keys).toHaveLength(1);
});

test('the example files are what the schema writes: run tests/config/write-examples.ts', () => {
  expect(toml).toBe(exampleToml());
  expect(JSON.parse(json)).toEqual(JSON.parse(exampleMls()));
});

test("the source documents' own examples load without a problem", () => {
  const source =
    '[gateway]\nhttp_port = 3333 # WebSocket port\nwebsocket = "gateway"\nbody_size = 1\nqueue_max = 8\n';
  const mls = `{ "note": "This is an example config. Copy it to /etc/moonlight/mls.json", "tokens": [ "supersecrettokenox0", "supersecrettokenox1" ], "retry_count": 3, "port": 8080, "ws": { "enabled": true, "path": "/ws", "max_connections": 1000, "read_timeout": 300, "write_timeout": 30, "heartbeat_interval": 30, "connection_check_interval": 60 }, "html": { "enabled": true, "static_path": "/static", "index_path": "/", "dashboard_path": "/dashboard" }, "region_hierarchy": { "us-east-1": "usa", "us-west-1": "usa", "eu-west-1": "europe", "ap-southeast-1": "singapore", "usa": "northamerica", "europe": "emea", "singapore": "asia", "northamerica": "global", "emea": "global", "asia": "global" } }`;
  const loaded = load(source, mls);
  expect(loaded.problems).toEqual([]);
  expect(loaded.config.gateway.body_size).toBe(1);
  const { note, ...values } = loaded.mls;
  expect(values).toEqual(defaultMls());
});
