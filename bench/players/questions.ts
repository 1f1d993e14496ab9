import type { Section } from '../harness/report.ts';
import { direct } from './direct.ts';
import { files } from './files.ts';
import { presence } from './presence.ts';
import type { PlayersSize } from './size.ts';

export const playersQuestions: readonly ((size: PlayersSize) => Promise<Section>)[] = [
  presence,
  direct,
  files,
];
