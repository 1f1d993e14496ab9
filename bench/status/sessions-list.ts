import type { LatencyFigure } from '../harness/latencies.ts';
import { short, spreadOf, spreadText, type Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import type { ListResult, ListTarget } from './list-job.ts';
import { withServers } from './servers.ts';
import type { StatusSize } from './size.ts';

/** Beginning all the sessions takes longer than asking for them. */
const timeoutMs = 240_000;

/** What does a page of the sessions cost when there are many? */
export async function sessionsList(size: StatusSize): Promise<Section> {
  const few = size.sessions[0]!;
  const many = size.sessions.at(-1)!;
  const asked: Pick<ListTarget, 'sessions' | 'page'>[] = [
    ...size.sessions.map((sessions) => ({ sessions, page: 'first' as const })),
    { sessions: many, page: 'last' },
  ];
  const names = asked.map(({ sessions, page }) => `${sessions} sessions, ${page} page`);
  const results: ListResult[] = [];
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers(names, false, (targets) =>
      runLoad(
        {
          kind: 'status-list',
          ...size,
          targets: targets.map((target, n) => ({ ...target, ...asked[n]! })),
        },
        timeoutMs,
      ),
    );
    results.push(result);
  }
  const pairs = results.flatMap((result) => result.pairs);
  const paced = results.flatMap((result) => result.paced);
  const cpuRatio = (n: number) =>
    spreadOf(pairs.map((pair) => pair[n]!.cpuNsEach / pair[0]!.cpuNsEach));
  const p99Ratio = (n: number) =>
    spreadOf(paced.map((pair) => pair[n]!.p99Us / Math.max(1, pair[0]!.p99Us)));
  const row = ({ sessions, page }: (typeof asked)[number], n: number) => {
    const cost = (of: (figure: TurnsFigure) => number) =>
      spreadOf(pairs.map((pair) => of(pair[n]!))).median;
    const late = (of: (figure: LatencyFigure) => number) =>
      page === 'last' ? '' : short(spreadOf(paced.map((pair) => of(pair[n]!))).median);
    return [
      String(sessions),
      page,
      (cost((figure) => figure.cpuNsEach) / 1000).toFixed(1),
      short(cost((figure) => figure.perSecond)),
      `${(cost((figure) => figure.busy) * 100).toFixed(0)} %`,
      n === 0 ? '' : spreadText(cpuRatio(n)),
      late((figure) => figure.p50Us),
      late((figure) => figure.p99Us),
      late((figure) => figure.p999Us),
      n === 0 || page === 'last' ? '' : spreadText(p99Ratio(n)),
    ];
  };
  const rates = spreadOf(results.map((result) => result.perSecond));
  const bytes = new Set(results.flatMap((result) => result.pageBytes));
  const sum = (of: 'asked' | 'answered' | 'listed') =>
    results.reduce((total, { account }) => total + account[of], 0);
  const goal = {
    against: `of ${few} sessions`,
    bound: 'at most' as const,
    limit: 1.5,
  };
  const firstOfMany = size.sessions.length - 1;
  return {
    title: 'Status: a page of the sessions',
    method: `\`GET /sessions\` without parameters (at most 100 of them), and with the cursor of its last page; a Moonstead for every row, in turns of some milliseconds. CPU is user and system time of the server process for one request, ${size.askers} in flight. Latencies: open loop, as many requests for each first page in turns of ${size.paced.turnMs} ms, half of the first row's rate (${short(rates.low)} to ${short(rates.high)} a second); each counts from the time that its request was planned for. Microseconds. Ratios are the row divided by the first. A page has ${Math.min(...bytes)} to ${Math.max(...bytes)} bytes.`,
    head: [
      'sessions',
      'page',
      'CPU µs',
      'requests/s',
      'core',
      'CPU ratio',
      'p50',
      'p99',
      'p99.9',
      'p99 ratio',
    ],
    rows: asked.map(row),
    goals: [
      {
        question: `\`GET /sessions\` of ${many} sessions, first page: CPU a request`,
        ...goal,
        measured: cpuRatio(firstOfMany),
      },
      {
        question: 'the same: p99 at half of the top rate',
        ...goal,
        measured: p99Ratio(firstOfMany),
      },
    ],
    counted: `Accounted for: ${sum('asked')} pages asked for, ${sum('answered')} answered, each with the same bytes as the first time; ${sum('listed')} sessions begun, all of them listed once.`,
  };
}
