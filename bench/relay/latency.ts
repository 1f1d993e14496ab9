import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Goal, Section } from '../harness/report.ts';
import type { LatencyFigure } from '../harness/latencies.ts';
import { runLoad } from '../harness/run-load.ts';
import { withServers } from './servers.ts';
import type { Size } from './size.ts';

/** How long does a delivery take at half of what the control can do? */
export async function latency(size: Size): Promise<Section> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  const account = noAccount();
  for (const receivers of size.receivers) {
    const top = await withServers(['control'], (targets) =>
      runLoad({ kind: 'bursts', ...size, targets, role: 'bot', receivers }),
    );
    const topRate = spreadOf(top.pairs.map(([control]) => control!.perSecond)).median;
    const perSecond = Math.floor(topRate / 2);
    addAccount(account, top.account);

    const pairs: LatencyFigure[][] = [];
    for (let round = 0; round < size.rounds; round++) {
      const result = await withServers(['subject', 'control'], (targets) =>
        runLoad({
          kind: 'paced',
          ...size,
          ...size.paced,
          targets,
          receivers,
          perSecond,
        }),
      );
      pairs.push(...result.pairs);
      addAccount(account, result.account);
    }
    const ratio = (of: (figure: LatencyFigure) => number) =>
      spreadOf(pairs.map(([subject, control]) => of(subject!) / Math.max(1, of(control!))));
    const p99 = ratio((figure) => figure.p99Us);
    for (const which of [0, 1] as const) {
      const median = (of: (figure: LatencyFigure) => number) =>
        short(spreadOf(pairs.map((pair) => of(pair[which]!))).median);
      rows.push([
        String(receivers),
        which === 0 ? 'Moonstead' : 'control',
        short(perSecond),
        median((figure) => figure.p50Us),
        median((figure) => figure.p99Us),
        median((figure) => figure.p999Us),
        which === 0 ? '' : spreadText(p99),
      ]);
    }
    goals.push({
      question: `relay, bot to ${receivers}: p99 at half of the control's top rate`,
      against: 'control',
      bound: 'at most',
      limit: 1.5,
      measured: p99,
    });
  }
  return {
    title: "Relay: latency at half of the control's top rate",
    method:
      "Open loop: messages leave at planned times, and a delivery's latency counts from the planned time, so that a stall is felt by all that it delays. The top rate is that of the control alone in closed bursts, measured in the same run. Microseconds; medians over the pairs.",
    head: ['mods', 'server', 'messages/s', 'p50', 'p99', 'p99.9', 'p99 ratio'],
    rows,
    goals,
    counted: accountText(account),
  };
}
