/**
 * `bun run bench [relay] [tasks] [players] [status] [--smoke]`: measures and prints; all parts in full: writes
 * bench/RESULTS.md too. Exit code 1 when a run is void, 2 for an unknown word. Linux only, for the
 * CPU clocks of other processes and /proc.
 */
import { join } from 'node:path';
import { watchOthers } from './harness/disturbance.ts';
import { machine } from './harness/machine.ts';
import { goalsTable, sectionText, type Section } from './harness/report.ts';
import { playersQuestions } from './players/questions.ts';
import { fullPlayersSize, smokePlayersSize } from './players/size.ts';
import { relayQuestions } from './relay/questions.ts';
import { fullSize, smokeSize } from './relay/size.ts';
import { statusQuestions } from './status/questions.ts';
import { fullStatusSize, smokeStatusSize } from './status/size.ts';
import { tasksQuestions } from './tasks/questions.ts';
import { fullTasksSize, smokeTasksSize } from './tasks/size.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    console.error(`bench: ended by ${signal}`);
    process.exit(130); // which ends every process that was started
  });
}

const words = process.argv.slice(2);
const smoke = words.includes('--smoke');

type Question<Size> = (size: Size) => Promise<Section>;
const sized = <Size>(questions: readonly Question<Size>[], full: Size, small: Size) =>
  questions.map((question) => () => question(smoke ? small : full));

const parts = {
  relay: sized(relayQuestions, fullSize, smokeSize),
  tasks: sized(tasksQuestions, fullTasksSize, smokeTasksSize),
  players: sized(playersQuestions, fullPlayersSize, smokePlayersSize),
  status: sized(statusQuestions, fullStatusSize, smokeStatusSize),
};

const chosen = words.filter((word) => word !== '--smoke');
const unknown = chosen.find((word) => !Object.hasOwn(parts, word));
if (unknown !== undefined) {
  console.error(`bench: unknown "${unknown}". Known: ${Object.keys(parts).join(', ')}, --smoke`);
  process.exit(2);
}

const wanted = (part: string) => chosen.length === 0 || chosen.includes(part);

const sections: Section[] = [];
try {
  for (const [name, questions] of Object.entries(parts)) {
    if (!wanted(name)) continue;
    for (const question of questions) {
      const others = watchOthers();
      const section = await question();
      const othersCores = others();
      section.counted += `\n\nOther processes used ${othersCores.toFixed(2)} of a core meanwhile.`;
      for (const goal of section.goals) goal.othersCores = othersCores;
      sections.push(section);
      console.log(`${sectionText(section)}\n`);
    }
  }
} catch (problem) {
  console.error(`bench: void. ${problem instanceof Error ? problem.message : problem}`);
  process.exit(1);
}

if (smoke) console.log('Smoke: everything was accounted for. Nothing here says how fast.');
else {
  const goals = goalsTable(sections.flatMap((section) => section.goals));
  console.log(goals);
  const page = [
    '# Results',
    'Written by `bun run bench`; do not edit. How it is measured: each table says it, and bench/ does it.',
    machine(),
    '## Goals',
    'A ratio is Moonstead divided by what it stands against, pair by pair: median (lowest to highest).',
    goals,
    ...sections.map(sectionText),
  ];
  if (Object.keys(parts).every(wanted))
    await Bun.write(join(import.meta.dir, 'RESULTS.md'), `${page.join('\n\n').trimEnd()}\n`);
}
process.exit(0);
