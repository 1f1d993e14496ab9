import type { Clock } from '../sockets/ports.ts';
import type { Delivery } from './delivery.ts';
import type { Rings } from './rings.ts';

/** How long a stop waits for receipts. */
const patienceMs = 1000;

/**
 * Before a stop: finishes what is being committed, asks for the receipts that are owed and waits a
 * moment for them, then puts what has none into the rings, within `budgetMs` in all. Resolves with
 * how many acknowledged messages the store refused until the end.
 */
export async function putAway(
  { sides, rings, clock }: { sides: readonly Delivery[]; rings: Rings; clock: Clock },
  budgetMs: number,
): Promise<number> {
  const endMs = clock.now() + budgetMs;
  const wait = (ms: number) =>
    new Promise<void>((resolve) => clock.after(Math.max(0, ms), resolve));
  const settled = () => Promise.race([rings.settled(), wait(endMs - clock.now())]);

  await settled();
  // The answers to what was committed leave in the next turn.
  await new Promise<void>((resolve) => clock.nextTurn(resolve));
  for (const side of sides) side.askForReceipts();
  const receiptsMs = Math.min(endMs, clock.now() + patienceMs);
  while (sides.some((side) => side.owesReceipts()) && clock.now() < receiptsMs) await wait(10);
  for (const side of sides) side.putAway();
  await settled();
  // A store that is full may have room again before our time is up.
  while (rings.owed().something && clock.now() < endMs) {
    rings.retry();
    await settled();
    if (rings.owed().something) await wait(100);
  }
  return rings.owed().messages;
}
