import type { Goal, Section } from '../harness/report.ts';
import { duel, duelHead, duelRow, missingRow, noTasks, tasksText } from './duel.ts';
import { controlWebSocketWorker, missing, oneHttpWorker, oneWebSocketWorker } from './servers.ts';
import type { TasksSize } from './size.ts';

/** How many tasks a second go to a WebSocket worker? */
export async function toWebSocket(size: TasksSize): Promise<Section> {
  const account = noTasks();
  const http = await duel([oneWebSocketWorker, oneHttpWorker], size, account);
  const rows = [
    duelRow('Moonstead', http.first),
    duelRow('Moonstead, to an HTTP worker', http.second, http),
  ];
  const control = await duel([oneWebSocketWorker, controlWebSocketWorker], size, account);
  rows.push(duelRow('control', control.second, control));
  let measured: Goal['measured'];
  const why = missing('nginx');
  if (why === undefined) {
    const nginx = await duel([oneWebSocketWorker, { kind: 'nginx' }], size, account);
    rows.push(duelRow('nginx, to an HTTP worker', nginx.second, nginx));
    measured = nginx.rateRatio;
  } else {
    rows.push(missingRow('nginx', why));
    measured = why;
  }
  return {
    title: 'Tasks: to a WebSocket worker',
    method:
      'As above, but the worker of Moonstead and of the control is one WebSocket, which answers all tasks of a segment in one segment.',
    head: duelHead,
    rows,
    goals: [
      {
        question: 'task to a WebSocket worker: tasks a second',
        against: 'nginx to an HTTP worker',
        bound: 'at least',
        limit: 1,
        measured,
      },
    ],
    counted: tasksText(account),
  };
}
