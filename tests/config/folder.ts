import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig, type Flags, type Loaded } from '../../src/config/load.ts';

const folders: string[] = [];

/** For `afterEach`, in every file that makes folders: hooks of a shared module run for one file only. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A temporary folder with these files. */
export function folderWith(files: Record<string, string | Uint8Array> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'moonstead-config-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Loads what is in a folder, whose `etc` stands in for /etc. */
export function loadIn(
  cwd: string,
  { flags = {}, env = {} }: { flags?: Flags; env?: Record<string, string> } = {},
): Loaded {
  return loadConfig({ flags, env, cwd, etc: join(cwd, 'etc') });
}

/** Loads this config.toml alone. */
export function loadToml(toml: string | Uint8Array): Loaded {
  return loadIn(folderWith({ 'config.toml': toml }));
}

/** Loads this mls.json alone. */
export function loadMls(mls: unknown): Loaded {
  return loadIn(folderWith({ 'mls.json': JSON.stringify(mls) }));
}

/** Loads with these environment variables alone. */
export function loadEnv(env: Record<string, string>): Loaded {
  return loadIn(folderWith(), { env });
}

/** The problems as `line key: message`, without the folder. */
export function told({ problems }: Loaded): string[] {
  return problems.map(({ line, key, message }) =>
    [line, `${key}: ${message}`].filter((part) => part !== undefined).join(' '),
  );
}
