import { join } from 'node:path';
import type { Program } from './start-server.ts';

const main = join(import.meta.dir, '../../src/main.ts');

/**
 * Moonstead on a free port, its data in `folder`. `toml`: what follows its section [server];
 * everything that neither it nor `mls` (the keys of mls.json) says is the default.
 */
export async function moonstead(folder: string, toml: string, mls: object = {}): Promise<Program> {
  const config = join(folder, 'config.toml');
  await Bun.write(config, `[server]\nlog_level = "error"\nsockets_per_address = 20000\n${toml}`);
  const mlsFile = join(folder, 'mls.json');
  await Bun.write(mlsFile, JSON.stringify(mls));
  const files = ['--config', config, '--mls', mlsFile, '--data-dir', join(folder, 'data')];
  return { command: [process.execPath, main, 'start', ...files, '--port', '0'] };
}
