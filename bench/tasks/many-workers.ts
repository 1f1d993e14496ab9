import type { Section } from '../harness/report.ts';
import { duel, duelHead, duelRow, noTasks, tasksText } from './duel.ts';
import type { LaneWorkers } from './lane.ts';
import type { Wanted } from './servers.ts';
import type { TasksSize } from './size.ts';

/** What does a task cost when there are many workers? */
export async function manyWorkers(size: TasksSize): Promise<Section> {
  const { regions, each } = size;
  const account = noTasks();
  const server = (regions: number, asked: LaneWorkers['asked']): Wanted => ({
    kind: 'subject',
    workers: { protocol: 'http', regions, each, asked },
  });
  const few = server(1, 'leaf');
  const leaf = await duel([few, server(regions, 'leaf')], size, account);
  const any = await duel([few, server(regions, 'any')], size, account);
  const all = `${regions * each} in ${regions} regions`;
  return {
    title: 'Tasks: CPU a task with many workers',
    method:
      'As in the table of HTTP workers, Moonstead only, with so many workers registered (all of them one listener). Ratios are the first row divided by the row.',
    head: ['workers', ...duelHead.slice(1)],
    rows: [
      duelRow(`${each} in one region`, leaf.first),
      duelRow(`${all}, asked for one`, leaf.second, leaf),
      duelRow(`${all}, asked for any`, any.second, any),
    ],
    goals: [],
    counted: tasksText(account),
  };
}
