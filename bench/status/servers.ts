import { moonstead } from '../harness/moonstead.ts';
import { freePort, startServer, withRunning, type Program } from '../harness/start-server.ts';

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

/**
 * Runs `work` with one fresh Moonstead of each name; all are ended afterwards, come what may.
 * `telling`: whether they tell of what happens, on their output (/dev/null) and in the live feed.
 */
export function withServers<T>(
  names: readonly string[],
  telling: boolean,
  work: (targets: StatusTarget[]) => Promise<T>,
): Promise<T> {
  const start = async (name: string) => ({
    ...(await startServer(name, telling ? tellingProgram : quietProgram)),
    name,
  });
  return withRunning(names.map(start), work);
}

const quietProgram = (folder: string) => moonstead(folder, settings);

async function tellingProgram(folder: string): Promise<Program> {
  const { command } = await quietProgram(folder);
  const port = await freePort(); // its own word for it goes where the events go
  const toNowhere = ['sh', '-c', 'exec "$@" >/dev/null', 'sh'];
  const env = { MOONSTEAD_SERVER_LOG_LEVEL: 'info' };
  return { command: [...toNowhere, ...command, '--port', String(port)], env, port };
}
