import type { Section } from '../harness/report.ts';
import { duel, duelHead, duelRow, missingRow, noTasks, tasksText } from './duel.ts';
import { missing, oneHttpWorker } from './servers.ts';
import type { TasksSize } from './size.ts';

/** What does it cost to pass a task on to an HTTP worker? */
export async function toHttp(size: TasksSize): Promise<Section> {
  const account = noTasks();
  const again = await duel([{ kind: 'control' }, { kind: 'control' }], size, account);
  const control = await duel([oneHttpWorker, { kind: 'control' }], size, account);
  const rows = [
    duelRow('Moonstead', control.first),
    duelRow('control', control.second, control),
    duelRow('control against itself', again.second, again),
  ];
  for (const kind of ['nginx', 'haproxy'] as const) {
    const why = missing(kind);
    if (why === undefined) {
      const peer = await duel([oneHttpWorker, { kind }], size, account);
      rows.push(duelRow(kind, peer.second, peer));
    } else rows.push(missingRow(kind, why));
  }
  return {
    title: 'Tasks: to an HTTP worker',
    method: `${size.callers} callers on keep-alive connections, each asks for its next task when it has its answer; the two servers of a pair in turns of ${size.turnMs} ms, the same number of tasks to each. Callers and worker are bare TCP in one process on the load's core; each answer is checked to be that of its task. CPU is user and system time of the server process for one task. "Core" is how busy the server's core was during its turns: where it is below 95 %, the load was the slower one and the rate is the load's. Ratios are Moonstead divided by the row: median (lowest to highest) over the pairs. Control: parses the task, posts its payload to the worker by fetch and passes on status, content type and body; Moonstead's answers carry its own headers besides (X-Task-Id, X-Worker-Id, …). nginx and haproxy (one process, one thread, keep-alive on both sides, no log) pass the request on as it is.`,
    head: duelHead,
    rows,
    goals: [
      {
        question: 'task to an HTTP worker: CPU a task',
        against: 'control',
        bound: 'at most',
        limit: 1.2,
        measured: control.cpuRatio,
      },
    ],
    counted: tasksText(account),
  };
}
