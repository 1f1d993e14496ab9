import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleMls, exampleToml } from './example.ts';

/** What `writeFreshFiles` did, by path. */
export interface Written {
  written: string[];
  /** They were there already, and are as they were. */
  kept: string[];
}

/**
 * Writes config.toml and mls.json with fresh keys (256 random bits each), for the owner's eyes only
 * (0600). Never overwrites; throws what the file system says.
 */
export function writeFreshFiles(folder: string): Written {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const result: Written = { written: [], kept: [] };
  const files = { 'config.toml': exampleToml(freshKey()), 'mls.json': exampleMls([freshKey()]) };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    try {
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
      result.written.push(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      result.kept.push(path);
    }
  }
  return result;
}

function freshKey(): string {
  return randomBytes(32).toString('base64url');
}
