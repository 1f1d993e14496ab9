import { join } from 'node:path';
import { moonstead } from '../harness/moonstead.ts';
import { startServer, withRunning, type Program } from '../harness/start-server.ts';

/** `safe control`: one that hashes files and syncs them. */
export type ServerKind = 'subject' | 'control' | 'safe control';

/** A server under load: what a load job is told of it. */
export interface PlayersTarget {
  name: string;
  port: number;
  pid: number;
}

const control = join(import.meta.dir, 'control.ts');

const settings = `
[auth]
sessions_per_minute = 1000000
[players]
limit = 10000
unauthenticated_max = 10000
[players.files]
max_file_mb = 4096
user_quota_mb = 16384
total_quota_mb = 16384
`;

/** Runs `work` with one fresh server of each kind; all are ended afterwards, come what may. */
export function withServers<T>(
  kinds: readonly ServerKind[],
  work: (targets: PlayersTarget[]) => Promise<T>,
): Promise<T> {
  const start = async (kind: ServerKind) => ({
    ...(await startServer(kind, (folder) => program(kind, folder))),
    name: kind,
  });
  return withRunning(kinds.map(start), work);
}

async function program(kind: ServerKind, folder: string): Promise<Program> {
  if (kind === 'subject') return moonstead(folder, settings);
  const word = kind === 'safe control' ? ['safe'] : [];
  return { command: [process.execPath, control, folder, ...word] };
}
