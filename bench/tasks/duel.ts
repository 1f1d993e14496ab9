import { short, spreadOf, spreadText, type Spread } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import type { TaskAccount } from './lane.ts';
import { withServers, type Wanted } from './servers.ts';
import type { TasksSize } from './size.ts';

/** Two servers under the same load in turns, over all rounds. */
export interface Duel {
  first: TurnsFigure[];
  second: TurnsFigure[];
  /** First divided by second, pair by pair. */
  cpuRatio: Spread;
  rateRatio: Spread;
}

export async function duel(
  wanted: readonly [Wanted, Wanted],
  size: TasksSize,
  account: TaskAccount,
): Promise<Duel> {
  const pairs: TurnsFigure[][] = [];
  for (let round = 0; round < size.rounds; round++) {
    const result = await withServers(wanted, (targets) =>
      runLoad({ kind: 'tasks-closed', ...size, targets }),
    );
    sameWork(wanted, result.workerGot);
    pairs.push(...result.pairs);
    addTasks(account, result.account);
  }
  const ratio = (of: (figure: TurnsFigure) => number) =>
    spreadOf(pairs.map(([first, second]) => of(first!) / of(second!)));
  return {
    first: pairs.map((pair) => pair[0]!),
    second: pairs.map((pair) => pair[1]!),
    cpuRatio: ratio((figure) => figure.cpuNsEach),
    rateRatio: ratio((figure) => figure.perSecond),
  };
}

/** nginx and haproxy pass the whole task on; all others must have sent the worker the same bytes. */
function sameWork(wanted: readonly Wanted[], workerGot: readonly string[]): void {
  const bodies = workerGot.filter(
    (_, n) => wanted[n]!.kind === 'subject' || wanted[n]!.kind === 'control',
  );
  if (new Set(bodies).size > 1) throw new Error(`not the same bytes:\n${bodies.join('\n')}`);
}

export const duelHead = ['server', 'CPU µs', 'tasks/s', 'core', 'CPU ratio', 'rate ratio'];

/** A row under `duelHead`; ratios of a duel in which it was the second. */
export function duelRow(name: string, figures: readonly TurnsFigure[], ratios?: Duel): string[] {
  const of = (pick: (figure: TurnsFigure) => number) => spreadOf(figures.map(pick)).median;
  return [
    name,
    (of((figure) => figure.cpuNsEach) / 1000).toFixed(1),
    short(of((figure) => figure.perSecond)),
    `${(of((figure) => figure.busy) * 100).toFixed(0)} %`,
    ratios ? spreadText(ratios.cpuRatio) : '',
    ratios ? spreadText(ratios.rateRatio) : '',
  ];
}

export const missingRow = (name: string, why: string) => [name, '', '', '', `missing: ${why}`, ''];

export const noTasks = (): TaskAccount => ({ asked: 0, worked: 0, answered: 0 });

export function addTasks(to: TaskAccount, more: TaskAccount): void {
  to.asked += more.asked;
  to.worked += more.worked;
  to.answered += more.answered;
}

export function tasksText({ asked, worked, answered }: TaskAccount): string {
  return `Accounted for: ${asked} tasks asked for, ${worked} done by workers, ${answered} answered.`;
}
