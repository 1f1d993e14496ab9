import type { Mls } from './mls.ts';
import type { Config } from './schema.ts';

export type Part = 'relay' | 'tasks' | 'sessions' | 'players' | 'status';

/** Where a part listens. Parts of equal host and port share a listener; for port 0: `sharedPort`. */
export function partAddress(part: Part, config: Config, mls: Mls): { host: string; port: number } {
  const { gateway, auth, players, api, server } = config;
  const own = {
    relay: { host: gateway.host, port: gateway.http_port },
    tasks: { host: mls.host, port: mls.port },
    sessions: { host: auth.host || mls.host, port: auth.port ?? mls.port },
    players,
    status: api,
  }[part];
  return { host: own.host || server.host, port: own.port };
}
