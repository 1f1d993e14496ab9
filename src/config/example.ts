import { Create } from '@sinclair/typebox/value';
import { defaultMls, mlsSchema, type Mls } from './mls.ts';
import { configSchema, exampleKeyOfList } from './schema.ts';
import { settingsOf, setAt, valueAt } from './settings.ts';
import { tomlLines } from './write-toml.ts';

const absent: Record<string, string[]> = {
  'auth.port': ['# port = 8080'],
  'gateway.keys': [
    '# [[gateway.keys]]',
    '# name = "survival"',
    `# key = "${exampleKeyOfList}"`,
    '# role = "mod"',
    '# channels = ["123*"]',
  ],
  'api.keys': [
    '# [[api.keys]]',
    '# name = "discord-bot"',
    `# key = "${exampleKeyOfList}"`,
    '# role = "read"',
  ],
};

/** A config.toml with every setting, its default and its sentence; the single key is the caller's. */
export function exampleToml(websocket?: string): string {
  const value = Create(configSchema) as object;
  if (websocket !== undefined) setAt(value, ['gateway', 'websocket'], websocket);
  const [, ...lines] = tomlLines(configSchema, value, {
    above: (_, schema) => [schema.description!],
    absent: (key) => absent[key],
  });
  return ['# Every setting of Moonstead, with its default.', '', ...lines, ''].join('\n');
}

/** An mls.json with every key and its default; the tokens are the caller's. */
export function exampleMls(tokens?: string[]): string {
  const mls: Mls = defaultMls();
  for (const { path, schema } of settingsOf(mlsSchema)) {
    if (schema.unit === 'seconds') setAt(mls, path, (valueAt(mls, path) as number) / 1000);
  }
  const note = tokens
    ? 'The tokens are secret: workers register with them.'
    : 'This is an example config. Copy it to /etc/moonlight/mls.json';
  return `${JSON.stringify({ note, ...mls, tokens: tokens ?? mls.tokens }, null, 2)}\n`;
}
