import type { TSchema } from '@sinclair/typebox';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { readDocument, unknownVariables, type Reading } from './document.ts';
import { findFile, type Found } from './find-file.ts';
import { readJson } from './json.ts';
import { mlsSchema, type Mls } from './mls.ts';
import { nearest } from './nearest.ts';
import { checkConfig, checkMls, type ReportBetween } from './plausible.ts';
import type { Problem } from './problem.ts';
import { configSchema, type Config } from './schema.ts';
import { settingsOf, variableName } from './settings.ts';
import { readToml } from './toml.ts';

/** The flags that set something, by their names without the dashes, as the command line has them. */
export type Flags = Partial<Record<'config' | 'mls' | 'data-dir' | 'host' | 'port', string>>;

export interface Surroundings {
  flags: Flags;
  env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin, and where the files are looked for first. */
  cwd: string;
  /** Stands in for /etc. */
  etc?: string;
}

export interface Loaded {
  /** Complete even with problems: what was refused has its default. `data_dir` is absolute. */
  config: Config;
  mls: Mls;
  /** All of them; with any, do not start. */
  problems: Problem[];
  /** The files that were found. */
  files: { config: string | undefined; mls: string | undefined };
  /** By key (`gateway.queue_max`, `mls.port`), where a value that is no default was set. */
  origins: ReadonlyMap<string, string>;
}

const configPrefix = 'MOONSTEAD_';
const mlsPrefix = 'MOONSTEAD_MLS_';

/**
 * Reads config.toml, mls.json, the environment and the flags: flag over environment over file over
 * default. Both files are optional, unless a flag names them.
 */
export function loadConfig({ flags, env, cwd, etc = '/etc' }: Surroundings): Loaded {
  const problems: Problem[] = [];
  const configFile = findFile({
    flagged: flags.config,
    flag: '--config',
    places: [join(cwd, 'config.toml'), join(etc, 'moonstead/config.toml')],
    cwd,
    read: readToml,
    problems,
  });
  const mlsFile = findFile({
    flagged: flags.mls,
    flag: '--mls',
    places: [join(cwd, 'mls.json'), join(etc, 'moonlight/mls.json')],
    cwd,
    read: readJson,
    problems,
  });
  const configReading = readDocument({
    schema: configSchema,
    file: configFile,
    variablePrefix: configPrefix,
    env,
    flags: flagTexts({
      '--data-dir': [flags['data-dir'], 'server.data_dir'],
      '--host': [flags.host, 'server.host'],
      '--port': [flags.port, 'gateway.http_port', 'auth.port', 'players.port', 'api.port'],
    }),
  });
  const mlsReading = readDocument({
    schema: mlsSchema,
    file: mlsFile,
    variablePrefix: mlsPrefix,
    env,
    flags: flagTexts({ '--port': [flags.port, 'port'] }),
  });
  const config = { ...configReading.value, sharedPort: flags.port !== undefined } as Config;
  const mls = mlsReading.value as Mls;
  const origins = new Map(configReading.origins);
  for (const [key, origin] of mlsReading.origins) origins.set(`mls.${key}`, origin);

  // The example key is there to try things out, not beside keys that somebody made.
  if (config.gateway.keys.length > 0 && !origins.has('gateway.websocket')) {
    config.gateway.websocket = '';
  }
  problems.push(...configReading.problems, ...mlsReading.problems, ...strangers(env));
  checkConfig(config, reportAt(configReading, configFile, problems));
  checkMls(mls, reportAt(mlsReading, mlsFile, problems));

  config.server.data_dir = resolve(cwd, config.server.data_dir);
  const { tls } = config.server;
  for (const name of ['cert', 'key'] as const) {
    if (tls[name] === '') continue;
    tls[name] = resolve(cwd, tls[name]);
    if (readable(tls[name])) continue;
    reportAt(configReading, configFile, problems)(`server.tls.${name}`, 'must be a readable file');
  }
  return {
    config,
    mls,
    problems: inOrder(problems),
    files: { config: configFile?.path, mls: mlsFile?.path },
    origins,
  };
}

function flagTexts(flags: Record<string, [string | undefined, ...string[]]>) {
  const texts = new Map<string, { flag: string; text: string }>();
  for (const [flag, [text, ...keys]] of Object.entries(flags)) {
    if (text !== undefined) for (const key of keys) texts.set(key, { flag, text });
  }
  return texts;
}

function strangers(env: Surroundings['env']): Problem[] {
  const names = (schema: TSchema, prefix: string) =>
    settingsOf(schema).map(({ path }) => variableName(prefix, path));
  const known = [...names(configSchema, configPrefix), ...names(mlsSchema, mlsPrefix)];
  return unknownVariables(env, known, (name) => nearest(name, known));
}

/** Problems between settings stand where the one that is named was set, or else the other. */
function reportAt(
  { origins }: Reading,
  file: Found | undefined,
  problems: Problem[],
): ReportBetween {
  return (key, message, other = key) => {
    const origin = origins.get(key) ?? origins.get(other) ?? '';
    const [, place, line] = /^(.*?)(?::(\d+))?$/s.exec(origin) ?? [];
    problems.push({
      file: place || file?.path || 'default',
      line: line === undefined ? undefined : Number(line),
      key,
      message,
    });
  };
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** In the order of places and lines, each once: a flag that sets several keys is wrong once. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const each = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...each.values()].sort(
    (a, b) => Number(a.file > b.file) - Number(a.file < b.file) || (a.line ?? 0) - (b.line ?? 0),
  );
}
