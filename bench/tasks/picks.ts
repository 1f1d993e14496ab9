/**
 * Chooses workers out of pools of several sizes, in turns, and prints nanoseconds a pick as JSON: by
 * pair, then by pool. Its argument is a PicksJob.
 */
import { Balancer } from '../../src/tasks/balancer.ts';
import type { Link } from '../../src/tasks/link.ts';
import { Regions } from '../../src/tasks/regions.ts';
import { newWorker } from '../../src/tasks/worker.ts';
import { leafRegion } from './lane.ts';

export interface PickedPool {
  workers: number;
  /** Leaf regions that share the workers evenly, all below one. */
  regions: number;
  asked: 'leaf' | 'any';
}

export interface PicksJob {
  pools: PickedPool[];
  pairs: number;
  pairMs: number;
  warmMs: number;
  turnMs: number;
}

const wanted = { tried: [], sticky: undefined };
const link = { isOpen: true, address: undefined } as Link;

/** A function that picks so many times. */
function picker({ workers, regions, asked }: PickedPool): (picks: number) => void {
  const parents = Array.from({ length: regions }, (_, n) => [leafRegion(n), 'land']);
  const balancer = new Balancer(new Regions(Object.fromEntries(parents)));
  for (let n = 0; n < workers; n++) {
    const nodeId = `worker-${n}`;
    const region = leafRegion(n % regions);
    const known = { nodeId, protocol: 'http', link, region, weight: 1, concurrencyMax: 0 } as const;
    balancer.add(newWorker(known));
  }
  const region = asked === 'leaf' ? leafRegion(regions - 1) : undefined;
  return (picks) => {
    for (; picks > 0; picks--) {
      const { region: found } = balancer.pick(region, wanted, 0)!;
      if (region !== undefined && found !== region) throw new Error(`picked one of ${found}`);
    }
  };
}

function run({ pools, pairs, pairMs, warmMs, turnMs }: PicksJob): number[][] {
  const pickers = pools.map(picker);
  let perTurn = pools.map(() => 1);
  function alternate(durationMs: number): number[] {
    const spentMs = pools.map(() => 0);
    let turns = 0;
    for (const end = performance.now() + durationMs; performance.now() < end; turns++) {
      for (const [n, pick] of pickers.entries()) {
        const startMs = performance.now();
        pick(perTurn[n]!);
        spentMs[n]! += performance.now() - startMs;
      }
    }
    return spentMs.map((ms, n) => (ms * 1e6) / (turns * perTurn[n]!));
  }
  for (let n = 0; n < 2; n++) {
    perTurn = alternate(warmMs / 2).map((ns) => Math.max(1, Math.round((turnMs * 1e6) / ns)));
  }
  return Array.from({ length: pairs }, () => alternate(pairMs));
}

if (import.meta.main) console.log(JSON.stringify(run(JSON.parse(process.argv[2]!))));
