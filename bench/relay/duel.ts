import type { TurnsFigure } from '../harness/turns.ts';
import { addAccount, noAccount, spreadOf, type Spread } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { Account, Seen } from '../harness/station.ts';
import type { Role } from './dialects.ts';
import { withServers, type ServerKind } from './servers.ts';
import type { Size } from './size.ts';

/** Two servers under the same load in turns, over all rounds. */
export interface Duel {
  first: TurnsFigure[];
  second: TurnsFigure[];
  /** First divided by second, pair by pair. */
  cpuRatio: Spread;
  rateRatio: Spread;
  account: Account;
}

export async function duel(
  kinds: readonly [ServerKind, ServerKind],
  size: Size,
  role: Role,
  receivers: number,
): Promise<Duel> {
  const account = noAccount();
  const pairs: TurnsFigure[][] = [];
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers(kinds, (targets) =>
      runLoad({ kind: 'bursts', ...size, targets, role, receivers }),
    );
    if (!kinds.some((kind) => kind === 'nats' || kind === 'socket.io')) sameBytes(result.seen);
    pairs.push(...result.pairs);
    addAccount(account, result.account);
  }
  const ratio = (of: (figure: TurnsFigure) => number) =>
    spreadOf(pairs.map(([first, second]) => of(first!) / of(second!)));
  return {
    first: pairs.map((pair) => pair[0]!),
    second: pairs.map((pair) => pair[1]!),
    cpuRatio: ratio((figure) => figure.cpuNsEach),
    rateRatio: ratio((figure) => figure.perSecond),
    account,
  };
}

/** Both must have sent the same fields and as many bytes; times and the order of fields are free. */
function sameBytes(seen: readonly Seen[]): void {
  const alike = seen.map(({ delivered, acknowledged }) =>
    [delivered, acknowledged].map((text) => {
      const fields = Object.entries(JSON.parse(text)).filter(([name]) => !name.endsWith('ed_at'));
      return `${text.length} bytes ${JSON.stringify(fields.sort())}`;
    }),
  );
  if (new Set(alike.map(String)).size > 1) {
    throw new Error(`not the same bytes:\n${alike.join('\n')}`);
  }
}
