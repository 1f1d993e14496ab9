import { readFileSync } from 'node:fs';
import { cpuNs } from './process-cost.ts';
import { endedCpuNs } from './processes.ts';

const tickNs = 10_000_000; // USER_HZ of /proc/stat is 100 on every Linux that Bun runs on

/**
 * Starts watching; the returned function says how many cores' worth of CPU processes that are not
 * ours have used since. Every process that we started in between must have ended.
 */
export function watchOthers(): () => number {
  const othersNs = () => busyNs() - endedCpuNs() - cpuNs(process.pid);
  const before = othersNs();
  const startMs = performance.now();
  return () => Math.max(0, (othersNs() - before) / 1e6 / (performance.now() - startMs));
}

/** CPU time of everybody, interrupts and what the hypervisor took included. */
function busyNs(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) * tickNs;
}
