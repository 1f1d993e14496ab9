import { dlopen, ptr } from 'bun:ffi';
import { readFileSync } from 'node:fs';

const libc = dlopen('libc.so.6', { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } });
const timespec = new BigInt64Array(2);

/**
 * CPU time in nanoseconds, user and system, of all threads that a process has or had. It is the
 * process's own CPU clock, read from outside: /proc/PID/stat counts in ticks of 10 ms, and the sum
 * over /proc/PID/task/*\/schedstat loses what an ended thread had used.
 */
export function cpuNs(pid: number): number {
  const clock = (~pid << 3) | 2; // MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of <linux/posix-timers.h>
  if (libc.symbols.clock_gettime(clock, ptr(timespec)) !== 0) throw new Error(`no process ${pid}`);
  return Number(timespec[0]! * 1_000_000_000n + timespec[1]!);
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kb === undefined) throw new Error(`no process ${pid}`);
  return Number(kb) * 1024;
}
