import { cpuNs } from './process-cost.ts';

/** A server with its load, which waits for its turn. */
export interface Side {
  pid: number;
  /** Sends `count` messages (or tasks) and comes back when all that they cause is done. */
  run(count: number): Promise<void>;
}

export interface TurnsPlan {
  pairs: number;
  /** Length of one pair, all sides together, and of the warm-up before the first. */
  pairMs: number;
  warmMs: number;
  /** Time that the fastest side has before it is the next one's turn. */
  turnMs: number;
}

/** One side's share of one pair. */
export interface TurnsFigure {
  /** CPU of the server's process for one message (or task), everything that it causes included. */
  cpuNsEach: number;
  perSecond: number;
  /** Share of its turns in which the server's core was busy with it. */
  busy: number;
}

/**
 * Gives each side the same messages in turns of some milliseconds, so that whatever slows the
 * machine down slows all. A turn is a multiple of `step` messages. By pair, then by side.
 */
export async function takeTurns(
  sides: readonly Side[],
  plan: TurnsPlan,
  step: number,
): Promise<TurnsFigure[][]> {
  await Bun.sleep(200); // what connecting left to do is not the messages' cost

  let perTurn = step;
  async function alternate(durationMs: number) {
    const spentMs = sides.map(() => 0);
    const cpuBefore = sides.map((side) => cpuNs(side.pid));
    let turns = 0;
    for (const end = performance.now() + durationMs; performance.now() < end; turns++) {
      for (let n = 0; n < sides.length; n++) {
        const which = (n + turns) % sides.length; // A B, B A: neither is always the second
        const start = performance.now();
        await sides[which]!.run(perTurn);
        spentMs[which]! += performance.now() - start;
      }
    }
    return sides.map((side, n): TurnsFigure => {
      const cpu = cpuNs(side.pid) - cpuBefore[n]!;
      return {
        cpuNsEach: cpu / (turns * perTurn),
        perSecond: ((turns * perTurn) / spentMs[n]!) * 1000,
        busy: cpu / 1e6 / spentMs[n]!,
      };
    });
  }

  const warm = await alternate(plan.warmMs);
  const fastest = Math.max(...warm.map((figure) => figure.perSecond));
  perTurn = Math.max(1, Math.round(((fastest / 1000) * plan.turnMs) / step)) * step;
  const pairs = [];
  for (let n = 0; n < plan.pairs; n++) pairs.push(await alternate(plan.pairMs));
  return pairs;
}
