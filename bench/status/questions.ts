import type { Section } from '../harness/report.ts';
import { liveEvents } from './live-events.ts';
import { sessionsList } from './sessions-list.ts';
import type { StatusSize } from './size.ts';

export const statusQuestions: readonly ((size: StatusSize) => Promise<Section>)[] = [
  sessionsList,
  liveEvents,
];
