import type { Section } from '../harness/report.ts';
import { fanOut } from './fan-out.ts';
import { idleSockets } from './idle-sockets.ts';
import { latency } from './latency.ts';
import { liveBesideQueue } from './live-beside-queue.ts';
import { oneToOne } from './one-to-one.ts';
import { queueing } from './queueing.ts';
import type { Size } from './size.ts';

export const relayQuestions: readonly ((size: Size) => Promise<Section>)[] = [
  fanOut,
  oneToOne,
  latency,
  liveBesideQueue,
  queueing,
  idleSockets,
];
