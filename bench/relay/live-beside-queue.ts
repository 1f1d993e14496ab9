import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Section } from '../harness/report.ts';
import type { LatencyFigure } from '../harness/latencies.ts';
import { runLoad } from '../harness/run-load.ts';
import { withServers } from './servers.ts';
import type { Size } from './size.ts';

const perSecond = 20_000;
const queuedPerSecond = 2_000;

/** The bot's key covers one channel, so what is said in another is queued though the bot is there. */
const liveKey = `
[[gateway.keys]]
name = "live"
key = "bench-live"
channels = ["live-*"]
`;

/** Do live messages wait for the disk when another channel queues? */
export async function liveBesideQueue(size: Size): Promise<Section> {
  const account = noAccount();
  const pairs: LatencyFigure[][] = [];
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers(
      ['subject'],
      (targets) =>
        runLoad({
          kind: 'paced',
          ...size,
          ...size.paced,
          targets,
          receivers: 1,
          perSecond,
          queuedPerSecond,
        }),
      liveKey,
    );
    pairs.push(...result.pairs);
    addAccount(account, result.account);
  }
  const p99 = spreadOf(pairs.map(([alone, beside]) => beside!.p99Us / Math.max(1, alone!.p99Us)));
  const row = (name: string, which: 0 | 1, ratio: string) => {
    const median = (of: (figure: LatencyFigure) => number) =>
      short(spreadOf(pairs.map((pair) => of(pair[which]!))).median);
    return [
      name,
      median((figure) => figure.p50Us),
      median((figure) => figure.p99Us),
      median((figure) => figure.p999Us),
      ratio,
    ];
  };
  return {
    title: 'Relay: live messages beside a channel that queues',
    method: `Open loop, ${short(perSecond)} live messages a second from the bot to one mod; in every other turn ${short(queuedPerSecond)} a second from a mod of another channel are queued, each answered after its fsync. One server, one core for it and its store. Microseconds.`,
    head: ['turns', 'p50', 'p99', 'p99.9', 'p99 ratio'],
    rows: [row('live alone', 0, ''), row('live beside queueing', 1, spreadText(p99))],
    goals: [
      {
        question: 'live p99 while another channel queues with fsync',
        against: 'live alone',
        bound: 'at most',
        limit: 1.5,
        measured: p99,
      },
    ],
    counted: accountText(account),
  };
}
