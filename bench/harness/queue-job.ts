import { cpuNs } from './process-cost.ts';
import { closeStations, openStation, sendBursts, type Account, type Target } from './station.ts';

/** Mods that nobody listens to, each in a channel of its own, send as fast as they are answered. */
export interface QueueJob {
  kind: 'queue';
  target: Target;
  senders: number;
  /** Messages that each sender has on the way: a segment, then the wait for all its answers. */
  perBurst: number;
  warmMs: number;
  durationMs: number;
}

export interface QueueResult {
  messagesPerSecond: number;
  cpuNsPerMessage: number;
  account: Account;
}

export async function runQueue(job: QueueJob): Promise<QueueResult> {
  const stations = await Promise.all(
    Array.from({ length: job.senders }, (_, n) =>
      openStation(job.target, { role: 'mod', receivers: 0, channelId: `quiet-${1_000_000 + n}` }),
    ),
  );
  const acknowledged = () => stations.reduce((sum, { sender }) => sum + sender.received, 0);
  async function run(durationMs: number) {
    const before = acknowledged();
    const cpuBefore = cpuNs(job.target.pid);
    const startMs = performance.now();
    const more = () => performance.now() < startMs + durationMs;
    await Promise.all(
      stations.map((station) => sendBursts(station, more, durationMs + 10_000, job.perBurst)),
    );
    const messages = acknowledged() - before;
    return {
      messagesPerSecond: (messages / (performance.now() - startMs)) * 1000,
      cpuNsPerMessage: (cpuNs(job.target.pid) - cpuBefore) / messages,
    };
  }
  await run(job.warmMs);
  const figure = await run(job.durationMs);
  return { ...figure, account: await closeStations(stations) };
}
