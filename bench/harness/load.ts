/** The load process: one job from its argument, one result as a line of JSON on stdout. */
import { runDirect } from '../players/direct-job.ts';
import { runFile } from '../players/file-job.ts';
import { runPresence } from '../players/presence-job.ts';
import { runList } from '../status/list-job.ts';
import { runLive } from '../status/live-job.ts';
import { runClosedTasks } from '../tasks/closed-job.ts';
import { runPacedTasks } from '../tasks/paced-job.ts';
import { runBursts } from './bursts-job.ts';
import { runIdle } from './idle-job.ts';
import { runPaced } from './paced-job.ts';
import { runQueue } from './queue-job.ts';

const jobs = {
  bursts: runBursts,
  paced: runPaced,
  queue: runQueue,
  idle: runIdle,
  'tasks-closed': runClosedTasks,
  'tasks-paced': runPacedTasks,
  'players-direct': runDirect,
  'players-presence': runPresence,
  'players-file': runFile,
  'status-list': runList,
  'status-live': runLive,
};

type Jobs = typeof jobs;
export type Job = Parameters<Jobs[keyof Jobs]>[0];
export type Results = { [K in keyof Jobs]: Awaited<ReturnType<Jobs[K]>> };

if (import.meta.main) {
  const job: Job = JSON.parse(process.argv[2]!);
  const run = jobs[job.kind] as (job: Job) => Promise<Results[Job['kind']]>;
  await Bun.write(Bun.stdout, `${JSON.stringify(await run(job))}\n`);
  process.exit(0);
}
