import { type ChangesPace, changesPace } from '../../src/players/presence-changes.ts';
import { SeededRandom } from './random.ts';

/** How fast changes are told in a world: at once, or one in 50 ms or so, so that some of them wait. */
export function paceOfWorld(seed: number): ChangesPace {
  // A random of its own, so that a seed means the same world as ever.
  const random = new SeededRandom(seed + 1e9);
  const burstBytes = random.pick([20, 200, 1000]);
  return random.chance(0.5) ? changesPace : { bytesPerMs: random.pick([1, 5, 20]), burstBytes };
}
