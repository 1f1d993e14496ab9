import { accountText, addAccount, noAccount, spreadOf, spreadText } from '../harness/report.ts';
import type { Goal, Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import { ratioOf } from './direct.ts';
import { withServers } from './servers.ts';
import type { PlayersSize } from './size.ts';

/** What does it cost to tell everybody that one comes and goes? */
export async function presence(size: PlayersSize): Promise<Section> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  const account = noAccount();
  for (const watchers of size.online) {
    const pairs: TurnsFigure[][] = [];
    for (let round = 0; round < size.rounds; round++) {
      const result = await withServers(['subject', 'control'], (targets) =>
        runLoad({ kind: 'players-presence', ...size, targets, watchers }),
      );
      if (new Set(result.told).size > 1)
        throw new Error(`not the same:\n${result.told.join('\n')}`);
      pairs.push(...result.pairs);
      addAccount(account, result.account);
    }
    const cpuRatio = ratioOf(pairs, (figure) => figure.cpuNsEach);
    for (const [n, name] of ['Moonstead', 'control'].entries()) {
      const of = (pick: (figure: TurnsFigure) => number) =>
        spreadOf(pairs.map((pair) => pick(pair[n]!))).median;
      rows.push([
        String(watchers),
        name,
        of((figure) => figure.cpuNsEach / (2 * watchers)).toFixed(0),
        of((figure) => figure.cpuNsEach / 1000).toFixed(0),
        `${(of((figure) => figure.busy) * 100).toFixed(0)} %`,
        n === 0 ? '' : spreadText(cpuRatio),
      ]);
    }
    goals.push({
      question: `players, one comes and goes, ${watchers} online: CPU a delivery`,
      against: 'control (native publish)',
      bound: 'at most',
      limit: 1.1,
      measured: cpuRatio,
    });
  }
  return {
    title: 'Players: one comes and goes',
    method:
      'Everybody speaks protocol 2. One connects, upgrades, shows its token, is sent the list, and goes when everybody has its user_joined; the next when everybody has its user_left; the two servers in turns of some milliseconds. CPU is user and system time of the server process, for one delivery (its share of the connection and of the list in it, which is most of it with few online) and for one coming and going. The control does the same with two native publishes, takes any token, and keeps nothing but the list.',
    head: ['online', 'server', 'CPU ns', 'CPU µs come and go', 'core', 'CPU ratio'],
    rows,
    goals,
    counted: accountText(account),
  };
}
