import type { LatencyFigure } from '../harness/latencies.ts';
import { short, spreadOf, spreadText, type Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import { freePort } from '../harness/start-server.ts';
import { addTasks, noTasks, tasksText } from './duel.ts';
import { oneHttpWorker, withServers } from './servers.ts';
import type { TasksSize } from './size.ts';

/** Do workers that hold their tasks slow down those who do not? */
export async function besideHeld(size: TasksSize): Promise<Section> {
  const account = noTasks();
  const top = await withServers([oneHttpWorker], (targets) =>
    runLoad({ kind: 'tasks-closed', ...size, targets }),
  );
  addTasks(account, top.account);
  const topRate = spreadOf(top.pairs.map(([figure]) => figure!.perSecond)).median;
  const perSecond = Math.floor(topRate / 3);

  const pairs: LatencyFigure[][] = [];
  let held = 0;
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers([oneHttpWorker, oneHttpWorker], async (targets) => {
      const holding = async (begun: boolean) => ({
        workers: size.held,
        workerPort: await freePort(),
        begun,
      });
      return runLoad({
        kind: 'tasks-paced',
        ...size,
        ...size.paced,
        targets: [
          { ...targets[0]!, holding: await holding(true) },
          { ...targets[1]!, holding: await holding(false) },
        ],
        perSecond,
        callers: 4 * size.callers,
      });
    });
    pairs.push(...result.pairs);
    addTasks(account, result.account);
    held += result.held;
  }
  const p99 = spreadOf(pairs.map(([beside, alone]) => beside!.p99Us / Math.max(1, alone!.p99Us)));
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
    title: `Tasks: a fast worker beside ${size.held} that hold a task each`,
    method: `Open loop, ${short(perSecond)} tasks a second (a third of the top rate, which was measured just before) to one fast HTTP worker; a latency counts from the time that its task was planned for. Two servers in turns of ${size.turnMs} ms; both know ${size.held} more HTTP workers, which take one task each, and in one of them all of these have it, from before the first turn until after the last. Microseconds.`,
    head: ['server', 'p50', 'p99', 'p99.9', 'p99 ratio'],
    rows: [row('alone', 1, ''), row(`beside ${size.held} held tasks`, 0, spreadText(p99))],
    goals: [
      {
        question: `tasks to a fast worker while ${size.held} others hold one each: p99`,
        against: 'alone',
        bound: 'at most',
        limit: 1.5,
        measured: p99,
      },
    ],
    counted: `${tasksText(account)} Held and answered at the end: ${held}, one by each of ${size.held} workers.`,
  };
}
