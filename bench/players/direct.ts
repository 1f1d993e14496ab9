import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { Seen } from '../harness/station.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import { withServers } from './servers.ts';
import type { PlayersSize } from './size.ts';

/** What does a message from one player to another cost, acknowledged? */
export async function direct(size: PlayersSize): Promise<Section> {
  const account = noAccount();
  const pairs: TurnsFigure[][] = [];
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers(['subject', 'control'], (targets) =>
      runLoad({ kind: 'players-direct', ...size, targets }),
    );
    sameBytes(result.seen);
    pairs.push(...result.pairs);
    addAccount(account, result.account);
  }
  const cpuRatio = ratioOf(pairs, (figure) => figure.cpuNsEach);
  const rateRatio = ratioOf(pairs, (figure) => figure.perSecond);
  const row = (name: string, n: number, ratios: string[]) => {
    const of = (pick: (figure: TurnsFigure) => number) =>
      spreadOf(pairs.map((pair) => pick(pair[n]!))).median;
    return [
      name,
      of((figure) => figure.cpuNsEach).toFixed(0),
      short(of((figure) => figure.perSecond)),
      `${(of((figure) => figure.busy) * 100).toFixed(0)} %`,
      ...ratios,
    ];
  };
  return {
    title: 'Players: messages from one player to another, acknowledged',
    method:
      'Both are online and keep up. Bursts of 64 messages in one segment, the next when all deliveries and acknowledgements of the last are back, the two servers in turns of some milliseconds. The control parses, sees whether the target is online, publishes on its topic and acknowledges. CPU is user and system time of the server process for one message, its delivery and acknowledgement in it.',
    head: ['server', 'CPU ns', 'messages/s', 'core', 'CPU ratio', 'rate ratio'],
    rows: [
      row('Moonstead', 0, ['', '']),
      row('control', 1, [spreadText(cpuRatio), spreadText(rateRatio)]),
    ],
    goals: [
      {
        question: 'player to player, acknowledged: CPU a message',
        against: 'control',
        bound: 'at most',
        limit: 1.1,
        measured: cpuRatio,
      },
    ],
    counted: accountText(account),
  };
}

/** First side divided by second, pair by pair. */
export function ratioOf(pairs: readonly TurnsFigure[][], of: (figure: TurnsFigure) => number) {
  return spreadOf(pairs.map(([subject, control]) => of(subject!) / of(control!)));
}

/** Both must have sent the same fields and as many bytes; times are free. */
function sameBytes(seen: readonly Seen[]): void {
  const alike = seen.map((one) => JSON.stringify(one).replace(/"ts\\":\\"[^"]+"/g, 'ts'));
  if (new Set(alike).size > 1) throw new Error(`not the same bytes:\n${alike.join('\n')}`);
}
