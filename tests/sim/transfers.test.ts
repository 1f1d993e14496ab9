import { expect, test } from 'bun:test';
import { TransfersWorld } from './transfers-world.ts';

const only = process.env.SEED;
const worlds = Number(process.env.WORLDS ?? (process.env.QUICK ? 150 : 1500));

test(`no world breaks a promise of the files (${only ? `seed ${only}` : `seeds 1 to ${worlds}`})`, async () => {
  const seeds = only ? [Number(only)] : Array.from({ length: worlds }, (_, i) => i + 1);
  const broken: string[] = [];
  const seen: Record<string, number> = {};
  for (const seed of seeds) {
    const world = new TransfersWorld(seed);
    const promise = await world.run();
    for (const [what, count] of Object.entries(world.observer.seen))
      seen[what] = (seen[what] ?? 0) + count;
    if (promise !== undefined) broken.push(`SEED=${seed}: ${promise}`);
  }
  if (process.env.SEEN) console.log(seen);
  expect(broken.slice(0, 10)).toEqual([]);
}, 240_000);
