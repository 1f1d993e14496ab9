import { Type } from '@sinclair/typebox';
import type { Loaded } from './load.ts';
import { mlsSchema } from './mls.ts';
import { oneLine } from './problem.ts';
import { configSchema } from './schema.ts';
import { tomlLines } from './write-toml.ts';

/**
 * The effective values as TOML, mls.json as its section `[mls]`: secrets are `***`, and behind each
 * value that is no default stands where it was set.
 */
export function showConfig({ config, mls, files, origins }: Loaded): string {
  const { sharedPort, ...value } = config;
  const schema = Type.Object({ ...configSchema.properties, mls: mlsSchema });
  return [
    `# config.toml: ${oneLine(files.config ?? 'none')}`,
    `# mls.json: ${oneLine(files.mls ?? 'none')}`,
    ...tomlLines(
      schema,
      { ...value, mls },
      { behind: (key) => origins.get(key), hideSecrets: true },
    ),
    '',
  ].join('\n');
}
