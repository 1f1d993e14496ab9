import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { endProcess, startProcess } from '../harness/processes.ts';
import type { Target } from '../harness/station.ts';
import { removeFolder, tempFolder } from '../harness/temp-folder.ts';
import type { DialectName } from './dialects.ts';

export type ServerKind = 'control' | 'subject' | 'ws' | 'socket.io' | 'nats';

export interface Server extends Target {
  name: ServerKind;
  stop(): Promise<void>;
}

const here = import.meta.dir;
const main = join(here, '../../src/main.ts');
const startMs = 10_000;

/** The settings of the subject that the questions need; everything else is the default. */
const subjectConfig = (gateway: string) => `
[server]
log_level = "error"
sockets_per_address = 20000
[gateway]
websocket = "bench"
${gateway}
`;

/**
 * Starts one server on the servers' core and a free port, with a data folder of its own.
 * `gateway`: further TOML for the subject, from its section [gateway] on.
 */
async function startServer(kind: ServerKind, gateway = ''): Promise<Server> {
  const folder = tempFolder();
  const { command, dialect, env, port } = await program(kind, folder, gateway);
  const child = startProcess(command, 'server', env);
  const stop = async () => {
    await endProcess(child);
    removeFolder(folder);
  };
  try {
    if (port !== undefined) await listening(port);
    return { name: kind, dialect, pid: child.pid, port: port ?? (await portOf(child)), stop };
  } catch (problem) {
    await stop();
    throw new Error(`${kind} did not start: ${problem}`);
  }
}

/** Runs `work` with one fresh server of each kind; all are ended afterwards, come what may. */
export async function withServers<T>(
  kinds: readonly ServerKind[],
  work: (targets: Target[]) => Promise<T>,
  gateway?: string,
): Promise<T> {
  const started = await Promise.allSettled(kinds.map((kind) => startServer(kind, gateway)));
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return await work(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

interface Program {
  command: string[];
  dialect: DialectName;
  env?: Record<string, string>;
  /** Where it listens, if it does not say so itself. */
  port?: number;
}

async function program(kind: ServerKind, folder: string, gateway: string): Promise<Program> {
  switch (kind) {
    case 'control':
      return { command: [process.execPath, join(here, 'control.ts')], dialect: 'relay' };
    case 'subject': {
      const config = join(folder, 'config.toml');
      await Bun.write(config, subjectConfig(gateway));
      const data = join(folder, 'data');
      mkdirSync(data);
      const words = ['start', '--config', config, '--port', '0', '--data-dir', data];
      return { command: [process.execPath, main, ...words], dialect: 'relay' };
    }
    case 'ws':
      return { command: ['node', join(here, 'peer-ws.mjs')], dialect: 'relay' };
    case 'socket.io':
      return { command: ['node', join(here, 'peer-socketio.mjs')], dialect: 'socketio' };
    case 'nats': {
      const port = await freePort();
      const config = join(folder, 'nats.conf');
      await Bun.write(
        config,
        `host: 127.0.0.1\nport: -1\nwebsocket { host: 127.0.0.1, port: ${port}, no_tls: true }\n`,
      );
      const command = [natsPath()!, '-c', config];
      return { command, dialect: 'nats', env: { GOMAXPROCS: '1' }, port: port };
    }
  }
}

/** Why a row cannot be measured here, or undefined. */
export function missing(kind: ServerKind): string | undefined {
  if (kind === 'nats' && natsPath() === undefined) return 'nats-server is not installed';
  if ((kind === 'ws' || kind === 'socket.io') && Bun.which('node') === null) {
    return 'node is not installed';
  }
  return undefined;
}

const natsPath = () =>
  Bun.which('nats-server') ?? ['/usr/sbin/nats-server'].find((path) => existsSync(path));

/** The port in the first URL that a server prints. */
async function portOf(child: ReturnType<typeof startProcess>): Promise<number> {
  const deadline = setTimeout(() => child.kill('SIGKILL'), startMs);
  try {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const port = /(?:http|ws)s?:\/\/[^\s/]+:(\d+)/.exec(text)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error(`${text}${await new Response(child.stderr).text()}`);
  } finally {
    clearTimeout(deadline);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Waits until something listens on `port`. */
async function listening(port: number): Promise<void> {
  for (const end = Date.now() + startMs; ; await Bun.sleep(20)) {
    try {
      (await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })).end();
      return;
    } catch (problem) {
      if (Date.now() > end) throw problem;
    }
  }
}
