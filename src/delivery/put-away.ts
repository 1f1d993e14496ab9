import type { Clock } from '../sockets/ports.ts';
import type { Delivery } from './delivery.ts';
import { noteSent, owesReceipt, type Recipient, takeUnreceived, wasSent } from './lane.ts';
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
  const settled = () => Promise.race([rings.writes.settled(), wait(endMs - clock.now())]);

  await settled();
  // The answers to what was committed leave in the next turn.
  await new Promise<void>((resolve) => clock.nextTurn(resolve));
  for (const side of sides) askForReceipts(side);
  const receiptsMs = Math.min(endMs, clock.now() + patienceMs);
  while (sides.some(owesReceipts) && clock.now() < receiptsMs) await wait(10);
  for (const side of sides) joinRings(side, rings);
  await settled();
  // A store that is full may have room again before our time is up.
  const { retries } = rings;
  while (retries.owed().something && clock.now() < endMs) {
    retries.now();
    await settled();
    if (retries.owed().something) await wait(100);
  }
  return retries.owed().messages;
}

/** Whether something was sent for which a connected recipient still owes the receipt. */
function owesReceipts({ lanes }: Delivery): boolean {
  return [...lanes.values()].some(owesReceipt);
}

/** Pings everybody who owes a receipt. */
function askForReceipts(side: Delivery): void {
  const owing = new Set<Recipient>();
  for (const lane of side.lanes.values())
    if (owesReceipt(lane)) for (const { recipient } of lane.members) owing.add(recipient);
  for (const recipient of owing) side.ping(recipient);
}

/** Everything without a receipt joins the rings, as if all connections had ended. */
function joinRings({ lanes, unreceipted }: Delivery, rings: Rings): void {
  for (const lane of lanes.values()) {
    const put = takeUnreceived(unreceipted, lane, () => true);
    rings.join(lane.ring, put);
    // Until the connection ends, its pong still says that they were received.
    for (const member of lane.members)
      for (const { position } of put)
        if (wasSent(member, position)) noteSent(member, position, position);
  }
}
