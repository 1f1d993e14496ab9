import { join } from 'node:path';
import type { Job, Results } from './load.ts';
import { endProcess, startProcess } from './processes.ts';

/**
 * Runs one job in a fresh load process on the load's core. Throws when the run is void, or not done
 * after `timeoutMs`.
 */
export async function runLoad<J extends Job>(
  job: J,
  timeoutMs = 60_000,
): Promise<Results[J['kind']]> {
  const child = startProcess(
    [process.execPath, join(import.meta.dir, 'load.ts'), JSON.stringify(job)],
    'load',
  );
  const timer = setTimeout(() => void endProcess(child), timeoutMs);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  if (child.exitCode !== 0) {
    throw new Error(stderr.trim() || `the load process did not end within ${timeoutMs} ms`);
  }
  return JSON.parse(stdout);
}
