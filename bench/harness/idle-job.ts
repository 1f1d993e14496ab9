import { dialects } from '../relay/dialects.ts';
import { residentBytes } from './process-cost.ts';
import type { Target } from './station.ts';
import { voidRun } from './void-run.ts';
import { connectWire, type Wire } from './wire.ts';

/** Mods that have shaken hands and say nothing, each in a channel of its own. */
export interface IdleJob {
  kind: 'idle';
  target: Target;
  /** Numbers of sockets at which the server's memory is read, rising. */
  sockets: number[];
  /** How long memory must stay as it is before it is read. */
  settleMs: number;
}

export interface IdleResult {
  /** Resident memory a socket, above that with `firstSockets`, by number of sockets. */
  bytesEach: number[];
  /** Resident memory with the first sockets, bytes. */
  baseBytes: number;
}

/** Open before the first reading, so that code and pools which come once are not counted. */
const firstSockets = 50;
const atOnce = 50;

export async function runIdle(job: IdleJob): Promise<IdleResult> {
  const dialect = dialects[job.target.dialect];
  const wires: Wire[] = [];
  async function openUntil(count: number) {
    while (wires.length < count) {
      const from = wires.length;
      const size = Math.min(atOnce, count - from);
      const opened = Array.from({ length: size }, (_, n) => {
        const number = String(from + n).padStart(6, '0');
        const ids = { serverId: `bench-server-${number}`, channelId: `idle-${number}` };
        const steps = dialect.handshake('mod', ids);
        return connectWire(`mod ${number}`, job.target.port, dialect, dialect.path('bench'), steps);
      });
      wires.push(...(await Promise.all(opened)));
    }
    return settledBytes(job.target.pid, job.settleMs);
  }

  const baseBytes = await openUntil(firstSockets);
  const bytesEach: number[] = [];
  for (const count of job.sockets) {
    bytesEach.push(((await openUntil(firstSockets + count)) - baseBytes) / count);
  }
  if (wires.some((wire) => wire.received > 0)) voidRun('an idle socket was sent a message');
  for (const wire of wires) wire.end();
  return { bytesEach, baseBytes };
}

/** Resident memory once it has stayed within 64 KiB for `settleMs`; after 6 s whatever it is. */
async function settledBytes(pid: number, settleMs: number): Promise<number> {
  let bytes = residentBytes(pid);
  let steadyMs = 0;
  for (let waitedMs = 0; waitedMs < 6_000 && steadyMs < settleMs; waitedMs += 100) {
    await Bun.sleep(100);
    const now = residentBytes(pid);
    steadyMs = Math.abs(now - bytes) < 65_536 ? steadyMs + 100 : 0;
    if (steadyMs === 0) bytes = now;
  }
  return bytes;
}
