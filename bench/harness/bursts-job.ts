import type { Role } from '../relay/dialects.ts';
import { cpuNs } from './process-cost.ts';
import { burstFrames, closeStations, openStation, sendBursts, times } from './station.ts';
import type { Account, Seen, Station, Target } from './station.ts';

/** Bursts to several servers in turns, the same number to each. */
export interface BurstsJob {
  kind: 'bursts';
  targets: Target[];
  /** Who speaks; the receivers are the other side. */
  role: Role;
  receivers: number;
  pairs: number;
  /** Length of one pair, all targets together, and of the warm-up before the first. */
  pairMs: number;
  warmMs: number;
  /** Time that the fastest target has before it is the next one's turn. */
  turnMs: number;
  /** How long a turn may take before something counts as lost; 10 s if absent. */
  waitMs?: number;
}

/** One target's share of one pair. */
export interface BurstsFigure {
  /** CPU of the server's process for one message: all its deliveries and its acknowledgement. */
  cpuNsPerMessage: number;
  messagesPerSecond: number;
  /** Share of its turns in which the server's core was busy with it. */
  busy: number;
}

export interface BurstsResult {
  /** By pair, then by target. */
  pairs: BurstsFigure[][];
  seen: Seen[];
  account: Account;
}

export async function runBursts(job: BurstsJob): Promise<BurstsResult> {
  const stations: Station[] = [];
  for (const target of job.targets) stations.push(await openStation(target, job));
  await Bun.sleep(200); // what the handshakes left to do is not the messages' cost

  let perTurn = 1;
  async function alternate(durationMs: number) {
    const spentMs = stations.map(() => 0);
    const cpuBefore = job.targets.map((target) => cpuNs(target.pid));
    let turns = 0;
    for (const end = performance.now() + durationMs; performance.now() < end; turns++) {
      for (let n = 0; n < stations.length; n++) {
        const which = (n + turns) % stations.length; // A B, B A: neither is always the second
        const start = performance.now();
        await sendBursts(stations[which]!, times(perTurn), job.waitMs ?? 10_000);
        spentMs[which]! += performance.now() - start;
      }
    }
    return job.targets.map((target, n): BurstsFigure => {
      const messages = turns * perTurn * burstFrames;
      const cpu = cpuNs(target.pid) - cpuBefore[n]!;
      return {
        cpuNsPerMessage: cpu / messages,
        messagesPerSecond: (messages / spentMs[n]!) * 1000,
        busy: cpu / 1e6 / spentMs[n]!,
      };
    });
  }

  const warm = await alternate(job.warmMs);
  const fastest = Math.max(...warm.map((figure) => figure.messagesPerSecond));
  perTurn = Math.max(1, Math.round(((fastest / 1000) * job.turnMs) / burstFrames));
  const pairs = [];
  for (let n = 0; n < job.pairs; n++) pairs.push(await alternate(job.pairMs));
  const seen = stations.map((station) => station.seen);
  return { pairs, seen, account: await closeStations(stations) };
}
