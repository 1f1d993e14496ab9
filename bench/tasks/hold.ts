import { inTime, voidRun } from '../harness/void-run.ts';
import { connectCallers, type Caller } from './callers.ts';
import { field } from './http-reader.ts';
import { startHttpWorker } from './http-worker.ts';
import { register } from './register.ts';

export interface Held {
  /** Answers all; resolves with how many they were. Voids the run if they were not one a worker. */
  release(): Promise<number>;
}

const region = 'hold';
const waitMs = 20_000;

/**
 * Registers workers that take one task each and keep it, all of them one listener under many names;
 * if `begun`, gives every one its task, and comes back when all of them have it.
 */
export async function hold(
  serverPort: number,
  { workers, workerPort, begun }: { workers: number; workerPort: number; begun: boolean },
): Promise<Held> {
  const holder = startHttpWorker(workerPort, true);
  const all = Array.from({ length: workers }, (_, n) => ({
    node_id: `holder-${n}`,
    region,
    port: workerPort,
    max_concurrency: 1,
  }));
  await register(serverPort, all);
  if (!begun) return { release: async () => 0 };

  const by = new Set<string>();
  const options = { name: 'held tasks', port: serverPort, region, timeoutMs: 120_000 };
  const onAnswer = (_: Caller, head: string) => {
    const name = field(head, 'x-worker-id');
    if (name === undefined || by.has(name)) voidRun(`${name} held more than one task`);
    by.add(name);
  };
  const callers = await connectCallers(workers, { ...options, onAnswer });
  callers.forEach((caller, n) => caller.ask(n));
  await waitFor(() => holder.worked === workers, `${workers} tasks to be held`);

  return {
    async release() {
      if (holder.worked !== workers || by.size > 0) voidRun('a held task was answered too early');
      holder.release();
      await waitFor(() => by.size === workers, `the answers of ${workers} workers`);
      for (const caller of callers) caller.end();
      return workers;
    },
  };
}

function waitFor(condition: () => boolean, what: string): Promise<void> {
  const look = async () => {
    while (!condition()) await Bun.sleep(2);
  };
  return inTime(look(), waitMs, () => what);
}
