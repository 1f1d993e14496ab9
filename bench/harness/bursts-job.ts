import type { Role } from '../relay/dialects.ts';
import { burstFrames, closeStations, openStation, sendBursts, times } from './station.ts';
import type { Account, Seen, Station, Target } from './station.ts';
import { takeTurns, type TurnsFigure, type TurnsPlan } from './turns.ts';

/** Bursts to several servers in turns, the same number to each. */
export interface BurstsJob extends TurnsPlan {
  kind: 'bursts';
  targets: Target[];
  /** Who speaks; the receivers are the other side. */
  role: Role;
  receivers: number;
  /** How long a turn may take before something counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface BurstsResult {
  /** By pair, then by target. */
  pairs: TurnsFigure[][];
  seen: Seen[];
  account: Account;
}

export async function runBursts(job: BurstsJob): Promise<BurstsResult> {
  const stations: Station[] = [];
  for (const target of job.targets) stations.push(await openStation(target, job));
  const sides = stations.map((station) => ({
    pid: station.target.pid,
    run: (count: number) => sendBursts(station, times(count / burstFrames), job.waitMs ?? 10_000),
  }));
  const pairs = await takeTurns(sides, job, burstFrames);
  const seen = stations.map((station) => station.seen);
  return { pairs, seen, account: await closeStations(stations) };
}
