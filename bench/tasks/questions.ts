import type { Section } from '../harness/report.ts';
import { besideHeld } from './beside-held.ts';
import { choosing } from './choosing.ts';
import { manyWorkers } from './many-workers.ts';
import type { TasksSize } from './size.ts';
import { toHttp } from './to-http.ts';
import { toWebSocket } from './to-websocket.ts';

export const tasksQuestions: readonly ((size: TasksSize) => Promise<Section>)[] = [
  toHttp,
  toWebSocket,
  choosing,
  manyWorkers,
  besideHeld,
];
