/**
 * `bun run bench [relay …] [--smoke]`: measures, prints, and writes bench/RESULTS.md when everything
 * was measured in full. Exit code 1 when a run is void, 2 for an unknown word.
 */
import { join } from 'node:path';
import { machine } from './harness/machine.ts';
import { endAllProcesses } from './harness/processes.ts';
import { goalsTable, sectionText, type Section } from './harness/report.ts';
import { relayQuestions } from './relay/questions.ts';
import { fullSize, smokeSize } from './relay/size.ts';

const parts = { relay: relayQuestions };

const words = process.argv.slice(2);
const smoke = words.includes('--smoke');
const chosen = words.filter((word) => word !== '--smoke');
const unknown = chosen.find((word) => !Object.hasOwn(parts, word));
if (unknown !== undefined) {
  console.error(`bench: unknown "${unknown}". Known: ${Object.keys(parts).join(', ')}, --smoke`);
  process.exit(2);
}

const sections: Section[] = [];
try {
  for (const [name, questions] of Object.entries(parts)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    for (const question of questions) {
      const section = await question(smoke ? smokeSize : fullSize);
      sections.push(section);
      console.log(sectionText(section));
    }
  }
} catch (problem) {
  console.error(`bench: void. ${problem instanceof Error ? problem.message : problem}`);
  endAllProcesses();
  process.exit(1);
}

if (smoke) console.log('Smoke: every message was accounted for. Nothing here says how fast.');
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
  await Bun.write(join(import.meta.dir, 'RESULTS.md'), `${page.join('\n\n').trimEnd()}\n`);
}
process.exit(0);
