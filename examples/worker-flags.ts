import { parseArgs } from 'node:util';
import { leave, wholeMs } from './flags.ts';

/** What a worker tells Moonstead of itself, which checks it; undefined is left out. */
export interface Registration {
  token: string;
  region: string;
  node_id?: string | undefined;
  weight?: number | undefined;
  max_concurrency?: number | undefined;
  ip?: string | undefined;
  port?: number | undefined;
}

export interface WorkerFlags {
  address: URL;
  registration: Registration;
  heartbeatMs: number;
  backOffMs: number;
  takeMs: number;
  values: Values;
}

type Values = Record<string, string | undefined>;

const shared = ['server', 'region', 'node-id', 'weight', 'max-concurrency'];
const times = ['heartbeat-ms', 'back-off-ms', 'take-ms'];

/**
 * Reads the flags that all workers have, and `more`. The token comes from the environment, where
 * `ps` does not show it. `path` is meant when the URL of the server has none.
 */
export function readWorkerFlags(
  usage: string,
  path: string,
  heartbeatMs: number,
  more: string[] = [],
): WorkerFlags {
  const names = [...shared, ...times, ...more];
  const values = readValues(names, usage);
  const server = values.server ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(server) || !/^https?:/.test(server))
    return leave('--server must look like http://127.0.0.1:8080', 2);
  const address = new URL(server);
  if (address.pathname === '/') address.pathname = path;
  return {
    address,
    registration: {
      token: process.env.TASK_TOKEN || leave('the token is missing: set TASK_TOKEN', 2),
      region: values.region ?? 'global',
      node_id: values['node-id'],
      weight: whole(values, 'weight'),
      max_concurrency: whole(values, 'max-concurrency'),
    },
    heartbeatMs: wholeMs(values, 'heartbeat-ms', heartbeatMs),
    backOffMs: wholeMs(values, 'back-off-ms', 1_000),
    takeMs: whole(values, 'take-ms') ?? 0,
    values,
  };
}

/** A flag that is a whole number; undefined without it. */
export function whole(values: Values, name: string): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  return /^\d{1,9}$/.test(value) ? Number(value) : leave(`--${name} must be a whole number`, 2);
}

function readValues(names: string[], usage: string): Values {
  const text = names.map((name) => [name, { type: 'string' }] as const);
  try {
    const { values } = parseArgs({
      options: { ...Object.fromEntries(text), help: { type: 'boolean' } },
    });
    return values.help ? leave(usage, 0) : (values as Values);
  } catch (error) {
    return leave(`${(error as Error).message}\n${usage}`, 2);
  }
}
