import type { Subprocess } from 'bun';
import { availableParallelism } from 'node:os';

const running = new Set<Subprocess>();

/** Whether servers and load have a core each. */
export const pinned = availableParallelism() > 1;

/** Starts a program on the servers' core (0) or the load's (1). It ends with us. */
export function startProcess(
  command: readonly string[],
  core: 'server' | 'load',
  env: Record<string, string> = {},
) {
  const pin = pinned ? ['taskset', '-c', core === 'server' ? '0' : '1'] : [];
  const child = Bun.spawn([...pin, ...command], {
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return child;
}

/** Ends a process: asks, and after a second insists. */
export async function endProcess(child: Subprocess): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 1_000);
  await child.exited;
  clearTimeout(timer);
}

export function endAllProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.on('exit', endAllProcesses);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => process.exit(130));
}
