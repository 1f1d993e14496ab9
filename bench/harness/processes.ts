import type { Subprocess } from 'bun';
import { readFileSync } from 'node:fs';

const running = new Set<Subprocess>();
let endedNs = 0;

/** The first two cores that we may use: the servers' and the load's. Both undefined with only one. */
const [serverCore, loadCore] = twoCores();

export const pinned = serverCore !== undefined;

/** Starts a program on the servers' core or the load's. It ends with us. */
export function startProcess(
  command: readonly string[],
  core: 'server' | 'load',
  env: Record<string, string> = {},
) {
  const pin = pinned ? ['taskset', '-c', String(core === 'server' ? serverCore : loadCore)] : [];
  const child = Bun.spawn([...pin, ...command], {
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  running.add(child);
  void child.exited.then(() => {
    running.delete(child);
    endedNs += Number(child.resourceUsage()?.cpuTime.total ?? 0) * 1000;
  });
  return child;
}

/** Ends a process: asks, and after a second insists. */
export async function endProcess(child: Subprocess): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 1_000);
  await child.exited;
  clearTimeout(timer);
}

/** CPU time of all processes that we started and that have ended. */
export function endedCpuNs(): number {
  return endedNs;
}

function endAllProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.on('exit', endAllProcesses);

function twoCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const cores = (list ?? '').split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return [from!, Math.min(from! + 1, to!)];
  });
  const two = [...new Set(cores)].slice(0, 2);
  return two.length === 2 && Bun.which('taskset') !== null ? two : [];
}
