import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Goal, Section } from '../harness/report.ts';
import { duel } from './duel.ts';
import { missing, type ServerKind } from './servers.ts';
import type { Size } from './size.ts';

/** How many messages a second go from one mod to the bot? */
export async function oneToOne(size: Size): Promise<Section> {
  const rows: string[][] = [];
  const account = noAccount();
  let measured: Goal['measured'] = 'ws is left out';

  for (const other of ['control', 'ws'] satisfies ServerKind[]) {
    if (other === 'ws' && !size.peers) continue;
    const why = missing(other);
    if (why !== undefined) {
      measured = why;
      rows.push([other, '', '', '', `missing: ${why}`, '']);
      continue;
    }
    const result = await duel(['subject', other], size, 'mod', 1);
    addAccount(account, result.account);
    if (other === 'ws') measured = result.rateRatio;
    const row = (name: string, figures: typeof result.first, ratios: string[]) => [
      name,
      spreadOf(figures.map((figure) => figure.cpuNsEach)).median.toFixed(0),
      short(spreadOf(figures.map((figure) => figure.perSecond)).median),
      `${(spreadOf(figures.map((figure) => figure.busy)).median * 100).toFixed(0)} %`,
      ...ratios,
    ];
    if (other === 'control') rows.push(row('Moonstead', result.first, ['', '']));
    rows.push(
      row(other, result.second, [spreadText(result.cpuRatio), spreadText(result.rateRatio)]),
    );
  }
  return {
    title: 'Relay: one mod to the bot',
    method: 'As above, in the other direction.',
    head: ['server', 'CPU ns', 'messages/s', 'core', 'CPU ratio', 'rate ratio'],
    rows,
    goals: [
      {
        question: 'relay, 1:1: messages a second',
        against: 'ws',
        bound: 'at least',
        limit: 2,
        measured,
      },
    ],
    counted: accountText(account),
  };
}
