/** The load process: one job from its argument, one result as a line of JSON on stdout. */
import { runBursts, type BurstsJob, type BurstsResult } from './bursts-job.ts';
import { runIdle, type IdleJob, type IdleResult } from './idle-job.ts';
import { runPaced, type PacedJob, type PacedResult } from './paced-job.ts';
import { runQueue, type QueueJob, type QueueResult } from './queue-job.ts';

export type Job = BurstsJob | PacedJob | QueueJob | IdleJob;
export interface Results {
  bursts: BurstsResult;
  paced: PacedResult;
  queue: QueueResult;
  idle: IdleResult;
}

function run(job: Job): Promise<Results[Job['kind']]> {
  switch (job.kind) {
    case 'bursts':
      return runBursts(job);
    case 'paced':
      return runPaced(job);
    case 'queue':
      return runQueue(job);
    case 'idle':
      return runIdle(job);
  }
}

if (import.meta.main) {
  const result = await run(JSON.parse(process.argv[2]!));
  await Bun.write(Bun.stdout, `${JSON.stringify(result)}\n`);
  process.exit(0);
}
