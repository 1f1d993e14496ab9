import { moonstead } from '../harness/moonstead.ts';
import { startServer, withRunning } from '../harness/start-server.ts';

/** A server under load: what a load job is told of it. */
export interface StatusTarget {
  name: string;
  port: number;
  pid: number;
}

const settings = `
[auth]
sessions_per_minute = 1000000
sessions_max = 1000000
[api]
live_readers_max = 1000
`;

/** Runs `work` with one fresh Moonstead of each name; all are ended afterwards, come what may. */
export function withServers<T>(
  names: readonly string[],
  work: (targets: StatusTarget[]) => Promise<T>,
): Promise<T> {
  const start = async (name: string) => ({
    ...(await startServer(name, (folder) => moonstead(folder, settings))),
    name,
  });
  return withRunning(names.map(start), work);
}
