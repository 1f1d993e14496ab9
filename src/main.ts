import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json';
import { writeFreshFiles } from './config/init.ts';
import { type Flags, loadConfig } from './config/load.ts';
import { problemText } from './config/problem.ts';
import { startWarnings, unsafeToStart } from './config/safety.ts';
import { showConfig } from './config/show.ts';
import { eventLog, isAtLeast, lineOf } from './log.ts';
import { startServer } from './server.ts';
import { Journal } from './status/journal.ts';

const help = `moonstead ${packageJson.version}: one small server for game communities

  moonstead [start]   run the server; with no configuration it listens on this machine only
  moonstead check     show the settings in force, or everything that is wrong with them
  moonstead init      write config.toml and mls.json with fresh random keys
  moonstead version   print the version
  moonstead help      print this

  --config FILE       instead of ./config.toml or /etc/moonstead/config.toml
  --mls FILE          instead of ./mls.json or /etc/moonlight/mls.json
  --data-dir DIR      where the database lives
  --host H            listen on H
  --port N            every part on port N; 0 takes a free one

Every setting can also be given as MOONSTEAD_<SECTION>_<KEY> in the environment.`;

const words = ['start', 'check', 'init', 'version', 'help'];

/** Wrong words or flags, as sysexits.h has it. */
const exitUsage = 64;

function fail(code: number, ...lines: string[]): never {
  for (const line of lines) console.error(line);
  process.exit(code);
}

function readWords(): { word: string; flags: Flags } {
  const text = { type: 'string' } as const;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        config: text,
        mls: text,
        'data-dir': text,
        host: text,
        port: text,
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
    const { help: wantsHelp, version, ...flags } = values;
    const [word = 'start', ...more] = positionals;
    if (more.length > 0 || !words.includes(word))
      fail(exitUsage, `moonstead: no such word: ${[word, ...more].join(' ')}`, '', help);
    return { word: wantsHelp ? 'help' : version ? 'version' : word, flags };
  } catch (error) {
    return fail(exitUsage, `moonstead: ${(error as Error).message}`, '', help);
  }
}

async function start(flags: Flags): Promise<void> {
  const { config, mls, problems } = loadConfig({ flags, env: process.env, cwd: process.cwd() });
  const all = [...problems, ...unsafeToStart(config, mls)];
  if (all.length > 0) fail(1, ...all.map(problemText));
  const pretty = process.stdout.isTTY === true;
  const journal = new Journal(config.server.journal_events, Date.now().toString(36));
  const folders = [
    config.server.data_dir,
    import.meta.dir,
    join(import.meta.dir, '../node_modules'),
  ];
  const hide = folders.map((folder) => `${resolve(folder)}/`);
  const { log_level: leastPrinted } = config.server;
  // The journal and the live feed have what happens, also where the output is to be short.
  const log = eventLog({ least: leastPrinted === 'debug' ? 'debug' : 'info', hide }, [
    (event) => {
      if (isAtLeast(event.level, leastPrinted)) process.stdout.write(`${lineOf(event, pretty)}\n`);
    },
    (event) => journal.add(event),
  ]);
  // Whoever read the log may go away; the server stays.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const onFault = (fault: unknown) => {
    const { message, stack } = fault instanceof Error ? fault : new Error(String(fault));
    log('error', 'server', 'fault', { message, stack });
  };
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  const running = await startServer({ config, mls }, log, journal).catch((error: Error) =>
    fail(1, `moonstead: ${error.message}`),
  );
  let signals = 0;
  const onSignal = (signal: string) => {
    signals += 1;
    log('info', 'server', 'signal', { signal });
    // `bun run` hands a signal on and a process group gets its own copy: the second is no haste.
    if (signals >= 3) process.exit(1);
    if (signals > 1) return;
    running.stop().then(
      () => process.exit(0),
      (error: Error) => fail(1, `moonstead: ${error.message}`),
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Without a handler it would end the process, and with it every connection, undrained.
  process.on('SIGHUP', () =>
    log('warn', 'server', 'signal', { signal: 'SIGHUP', note: 'a change needs a restart' }),
  );

  for (const { url, parts } of running.listening) console.log(`${parts.join(' ')} ${url}`);
  log('info', 'server', 'started', {
    version: packageJson.version,
    sockets_max: running.socketsMax,
  });
  for (const warning of startWarnings(config, mls)) log('warn', 'server', 'note', { warning });
}

function check(flags: Flags): void {
  const loaded = loadConfig({ flags, env: process.env, cwd: process.cwd() });
  console.log(showConfig(loaded));
  const problems = [...loaded.problems, ...unsafeToStart(loaded.config, loaded.mls)];
  if (problems.length > 0) fail(1, ...problems.map(problemText));
}

function init(): void {
  const { written, kept } = writeFreshFiles(process.cwd());
  for (const file of written) console.log(`wrote ${file}`);
  for (const file of kept) console.log(`kept ${file}, which was there`);
}

const { word, flags } = readWords();
if (word === 'start') await start(flags);
else if (word === 'check') check(flags);
else if (word === 'init') init();
else console.log(word === 'version' ? packageJson.version : help);
