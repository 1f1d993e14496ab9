import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { moonstead } from '../harness/moonstead.ts';
import { freePort, startServer, withRunning, type Program } from '../harness/start-server.ts';
import type { Target } from '../harness/station.ts';
import type { DialectName } from './dialects.ts';

export type ServerKind = 'control' | 'subject' | 'ws' | 'socket.io' | 'nats';

const dialectOf: Record<ServerKind, DialectName> = {
  control: 'relay',
  subject: 'relay',
  ws: 'relay',
  'socket.io': 'socketio',
  nats: 'nats',
};

const here = import.meta.dir;

/**
 * Runs `work` with one fresh server of each kind; all are ended afterwards, come what may.
 * `gateway`: further TOML for the subject, from its section [gateway] on.
 */
export function withServers<T>(
  kinds: readonly ServerKind[],
  work: (targets: Target[]) => Promise<T>,
  gateway = '',
): Promise<T> {
  const start = async (kind: ServerKind) => ({
    ...(await startServer(kind, (folder) => program(kind, folder, gateway))),
    name: kind,
    dialect: dialectOf[kind],
  });
  return withRunning(kinds.map(start), work);
}

async function program(kind: ServerKind, folder: string, gateway: string): Promise<Program> {
  switch (kind) {
    case 'control':
      return { command: [process.execPath, join(here, 'control.ts')] };
    case 'subject':
      return moonstead(folder, `[gateway]\nwebsocket = "bench"\n${gateway}`);
    case 'ws':
      return { command: ['node', join(here, 'peer-ws.mjs')] };
    case 'socket.io':
      return { command: ['node', join(here, 'peer-socketio.mjs')] };
    case 'nats': {
      const port = await freePort();
      const config = join(folder, 'nats.conf');
      await Bun.write(
        config,
        `host: 127.0.0.1\nport: -1\nwebsocket { host: 127.0.0.1, port: ${port}, no_tls: true }\n`,
      );
      return { command: [natsPath()!, '-c', config], env: { GOMAXPROCS: '1' }, port };
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
