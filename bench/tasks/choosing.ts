import { join } from 'node:path';
import { startProcess } from '../harness/processes.ts';
import { short, spreadOf, spreadText, type Section } from '../harness/report.ts';
import type { PickedPool, PicksJob } from './picks.ts';
import type { TasksSize } from './size.ts';

/** How long does it take to choose a worker? */
export async function choosing(size: TasksSize): Promise<Section> {
  const { regions, each } = size;
  const all = regions * each;
  const few: PickedPool = { workers: each, regions: 1, asked: 'leaf' };
  const many: PickedPool = { workers: all, regions, asked: 'leaf' };
  const pools: PickedPool[] = [
    few,
    { workers: each / 10, regions: 1, asked: 'leaf' },
    { workers: all / 10, regions: regions / 10, asked: 'leaf' },
    many,
    { workers: each / 10, regions: 1, asked: 'any' },
    { workers: all / 10, regions: regions / 10, asked: 'any' },
    { workers: all, regions, asked: 'any' },
  ];
  const pairs: number[][] = [];
  for (let round = 0; round < size.rounds; round++) {
    const { pairMs, warmMs } = size;
    pairs.push(...(await picks({ pools, ...size, pairMs, warmMs, turnMs: size.pickTurnMs })));
  }
  const ratio = (n: number) => spreadOf(pairs.map((pair) => pair[n]! / pair[0]!));
  return {
    title: 'Tasks: choosing a worker',
    method: `The core alone, in a process of its own on the servers' core: nanoseconds to choose one of so many healthy workers with room, in turns of ${size.pickTurnMs} ms. Ratios are the row divided by the first.`,
    head: ['asked for', 'workers', 'leaf regions', 'ns', 'ratio'],
    rows: pools.map(({ asked, workers, regions }, n) => [
      asked === 'leaf' ? 'one leaf region' : 'any',
      String(workers),
      String(regions),
      short(spreadOf(pairs.map((pair) => pair[n]!)).median),
      n === 0 ? '' : spreadText(ratio(n)),
    ]),
    goals: [
      {
        question: `choosing a worker, ${all} of them in ${regions} leaf regions, asked for one leaf`,
        against: `${each} in one region`,
        bound: 'at most',
        limit: 2,
        measured: ratio(pools.indexOf(many)),
      },
    ],
    counted: 'Every worker chosen was of the region that was asked for.',
  };
}

/** Nanoseconds a pick, by pair, then by pool, in a fresh process. */
async function picks(job: PicksJob): Promise<number[][]> {
  const program = join(import.meta.dir, 'picks.ts');
  const child = startProcess([process.execPath, program, JSON.stringify(job)], 'server');
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
