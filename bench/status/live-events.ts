import { spreadOf, spreadText, type Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import { burstsASecond, burstSessions, type LiveAccount } from './live-job.ts';
import { withServers } from './servers.ts';
import type { StatusSize } from './size.ts';

/** What does it cost to tell readers of the live feed of an event? */
export async function liveEvents(size: StatusSize): Promise<Section> {
  const readers = [0, ...size.readers];
  const pairs: TurnsFigure[][] = [];
  const account: LiveAccount = { asked: 0, begun: 0, told: 0 };
  for (let round = 0; round < size.rounds; round++) {
    const names = readers.map((count) => `${count} readers`);
    const result = await withServers(names, true, (targets) =>
      runLoad({
        kind: 'status-live',
        ...size,
        targets: targets.map((target, n) => ({ ...target, readers: readers[n]! })),
      }),
    );
    pairs.push(...result.pairs);
    for (const name of ['asked', 'begun', 'told'] as const) account[name] += result.account[name];
  }
  const median = (of: (pair: TurnsFigure[]) => number) => spreadOf(pairs.map(of)).median;
  const row = (count: number, n: number) => [
    String(count),
    median((pair) => pair[n]!.cpuNsEach / 1000).toFixed(1),
    n === 0 ? '' : spreadText(spreadOf(pairs.map((p) => p[n]!.cpuNsEach / p[0]!.cpuNsEach))),
    n === 0 ? '' : median((p) => (p[n]!.cpuNsEach - p[0]!.cpuNsEach) / 1000 / count).toFixed(2),
  ];
  return {
    title: 'Status: an event with readers of the live feed',
    method: `The event is \`session_begun\`: ${burstSessions} connections begin a session each by \`POST /auth\`, the next when all have their token and every reader of \`/live?topics=session\` was told of all; a Moonstead for every row, in turns of a burst or more. A server tells of no more than 1,000 such events a second, so there are ${burstsASecond} bursts in one at most. CPU is user and system time of the server process for one event, the request, the session on disk and the line of the log (to /dev/null) in it. Ratios are the row divided by the first; CPU a reader is what it has more than the first, divided by its readers, who get what is there in one piece.`,
    head: ['readers', 'CPU µs', 'CPU ratio', 'CPU µs a reader'],
    rows: readers.map(row),
    goals: [],
    counted: `Accounted for: ${account.asked} sessions asked for, ${account.begun} begun, ${account.told} times told of one.`,
  };
}
