import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { type Answer, type Operation, refusalAnswers, upgradeOperation } from '../openapi.ts';
import type { Refusal } from '../refusal.ts';
import { taskRefusals } from './messages.ts';

const tag = 'tasks';

const region = (description: string) => Type.String({ description, examples: ['us-east'] });

const taskBody = Type.Object(
  {
    payload: Type.Unknown({ description: 'Any JSON; the worker gets it as it came.' }),
    region: Type.Optional(
      region('Where it shall be done; missing, empty, `default` and `global`: anywhere.'),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 600_000,
        default: 15_000,
        description: 'How long you wait for the answer to begin.',
      }),
    ),
    retry: Type.Optional(
      Type.Boolean({ default: true, description: 'Whether another worker may be tried.' }),
    ),
    sticky: Type.Optional(
      Type.String({ description: 'Tasks with the same one go to the same worker, if possible.' }),
    ),
  },
  { examples: [{ region: 'us-east', payload: { action: 'reverse', text: 'Hello' } }] },
);

const taskId = Type.String({ format: 'uuid', description: 'Of the task; a UUID.' });
const taskErrorSchema = Type.Object({
  error: Type.String({ description: 'For people.' }),
  task_id: taskId,
  detail: Type.Optional(Type.String({ description: 'What exactly, if there is more to say.' })),
});
const exampleTaskId = '3f1c9c52-6f0e-4d43-9a55-0c7c3c1f0a11';

const answerHeaders = {
  'X-Task-Id': 'The id of the task; also on refusals.',
  'X-Worker-Id': 'The worker that answered; missing, if the server itself did.',
  'X-Task-Attempts': 'How many workers were tried.',
};

const { badTask, badTaskKey, slowTask, bigTask, notJson, failed, badAnswer } = taskRefusals;
const { tooManyTasks, tooManyBodies, noWorker, stopping, deadline } = taskRefusals;

/** `POST /task/request`; `hasKeys`: not everybody may. */
export const taskOperation = (hasKeys: boolean): Operation => ({
  tag,
  summary: 'Has a worker do a task.',
  description:
    'The answer is the worker’s: its status, its content type, its bytes. Those below are the server’s own, and have no `X-Worker-Id`.',
  body: taskBody,
  answers: {
    200: {
      summary: 'What the worker answered, with whatever status from 200 to 599.',
      schema: Type.Unknown(),
      example: { status: 'completed', result: 'olleH' },
      headers: answerHeaders,
    },
    ...refusalAnswers(
      [
        ...[badTask, ...(hasKeys ? [badTaskKey] : []), slowTask, bigTask, notJson, failed],
        ...[badAnswer, tooManyTasks, tooManyBodies, noWorker, stopping, deadline],
      ],
      taskErrorSchema,
      ({ message }) => ({ error: message, task_id: exampleTaskId }),
    ),
  },
  ...(hasKeys && { needs: 'task' }),
});

const heartbeatBody = Type.Object(
  {
    token: Type.String({ description: 'One of `tokens` in mls.json.' }),
    region: region('Where it is.'),
    node_id: Type.Optional(
      Type.String({ description: 'Its name; else made of address and port.' }),
    ),
    ip: Type.Optional(
      Type.String({ maxLength: 255, description: 'Its address; else the one this comes from.' }),
    ),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    weight: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Its share of the tasks.' }),
    ),
    max_concurrency: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description: 'Tasks at a time; 0: no bound.',
      }),
    ),
  },
  {
    examples: [
      {
        token: 'token-of-workers',
        node_id: 'node-001',
        region: 'us-east',
        ip: '10.1.2.3',
        port: 3001,
      },
    ],
  },
);

const workerErrorSchema = Type.Object({
  error: Type.String({ description: 'For people.' }),
  detail: Type.Optional(Type.String({ description: 'What exactly, if there is more to say.' })),
});

const { badHeartbeat, badToken, badAddress, tooManyWorkers } = taskRefusals;

/** `POST /client/heartbeat`. */
export const heartbeatOperation: Operation = {
  tag,
  summary: 'Registers a worker that is called by HTTP, and says that it is there.',
  description:
    'To be repeated every minute or so. Tasks come as `POST /work` to its address and port. The token is in the body, not in a header.',
  body: heartbeatBody,
  answers: {
    200: ok(
      'It is registered.',
      Type.Object(
        { status: Type.Literal('registered'), node_id: Type.String() },
        { examples: [{ status: 'registered', node_id: 'node-001' }] },
      ),
    ),
    ...refusalAnswers(
      [badHeartbeat, badToken, badAddress, notJson, tooManyWorkers],
      workerErrorSchema,
      ({ message }: Refusal) => ({ error: message }),
    ),
  },
};

const count = (description: string) => Type.Integer({ minimum: 0, description });

/** `GET /status`. */
export const statusOperation = view(
  'Workers and tasks by region.',
  Type.Object({
    server: Type.Literal('Online'),
    websocket: Type.Union([Type.Literal('Connected'), Type.Literal('Disabled')]),
    clients: count('Workers.'),
    tasks: count('In flight.'),
    regions: Type.Record(
      Type.String(),
      Type.Object({ clients: count('Workers.'), active: count('Those that are healthy.') }),
    ),
  }),
  {
    server: 'Online',
    websocket: 'Connected',
    clients: 2,
    tasks: 0,
    regions: { 'us-east': { clients: 2, active: 1 } },
  },
);

const latency = Type.Union([
  Type.Object({ p50: Type.Number(), p95: Type.Number() }),
  Type.Null({ description: 'No answer yet.' }),
]);

const clientSchema = Type.Object({
  node_id: Type.String(),
  protocol: Type.Union([Type.Literal('http'), Type.Literal('websocket')]),
  region: Type.String(),
  weight: count('Its share of the tasks.'),
  max_concurrency: count('Tasks at a time; 0: no bound.'),
  health: Type.Union(['healthy', 'ejected', 'gone'].map((word) => Type.Literal(word))),
  in_flight: count('Tasks that it has.'),
  last_seen: Type.String({ format: 'date-time' }),
  latency_ms: latency,
  dropped: count('Answers to tasks that it did not have.'),
});

/** `GET /clients`. */
export const clientsOperation = view(
  'Every worker, as of at most a second ago.',
  Type.Object({ clients: Type.Array(clientSchema) }),
  {
    clients: [
      {
        node_id: 'node-001',
        protocol: 'http',
        region: 'us-east',
        weight: 1,
        max_concurrency: 0,
        health: 'healthy',
        in_flight: 0,
        last_seen: '2026-11-21T12:00:00.000Z',
        latency_ms: { p50: 1.2, p95: 3.4 },
        dropped: 0,
      },
    ],
  },
);

/** `GET /region`. */
export const regionOperation = view(
  'Each region, and the one above it.',
  Type.Record(Type.String(), Type.String()),
  { 'us-east-1': 'usa', usa: 'northamerica', northamerica: 'global' },
);

/** `GET /ws`, or whatever path is configured. */
export const workerSocketOperation: Operation = upgradeOperation({
  tag,
  summary: 'The WebSocket of workers that cannot be called.',
  description: `The first frame registers the worker, with the fields of a heartbeat, the token among them. It is answered, and then tasks come:

\`\`\`json
{"type":"register","payload":{"token":"token-of-workers","node_id":"node-002","region":"us-east"}}
{"type":"registered","payload":{"status":"ok","node_id":"node-002"}}

{"type":"task","task_id":"${exampleTaskId}","payload":{"text":"Hello"}}
{"type":"task_response","payload":{"task_id":"${exampleTaskId}","response":"olleH"}}
\`\`\``,
  refusals: [taskRefusals.notUpgrading, taskRefusals.tooManyWorkerSockets],
  closes: taskRefusals,
});

function ok(summary: string, schema: TSchema, example?: unknown): Answer {
  return { summary, schema, ...(example !== undefined && { example }) };
}

function view<Schema extends TSchema>(
  summary: string,
  schema: Schema,
  example: Static<Schema>,
): Operation {
  return { tag, summary, answers: { 200: ok('As it is now.', schema, example) } };
}
