import { expect, test } from 'bun:test';
import { PlayersWorld } from './players-world.ts';

const only = process.env.SEED;
const worlds = Number(process.env.WORLDS ?? (process.env.QUICK ? 300 : 3000));

test(`no world breaks a promise of the players (${only ? `seed ${only}` : `seeds 1 to ${worlds}`})`, async () => {
  const seeds = only ? [Number(only)] : Array.from({ length: worlds }, (_, i) => i + 1);
  const broken: string[] = [];
  for (const seed of seeds) {
    const promise = await new PlayersWorld(seed).live();
    if (promise !== undefined) broken.push(`SEED=${seed}: ${promise}`);
  }
  expect(broken.slice(0, 10)).toEqual([]);
}, 240_000);

test('what was completed is not lost when more bytes than fit join its ring (seed 24)', async () => {
  expect(await new PlayersWorld(24).live()).toBeUndefined();
});
