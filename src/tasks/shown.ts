import { Type } from '@sinclair/typebox';
import type { List, Meter, Page, Shown } from '../shown.ts';
import type { Clock } from '../sockets/ports.ts';
import type { Dispatcher } from './dispatcher.ts';
import { healthOf, healthReason, healths, workerView } from './views.ts';
import type { Worker } from './worker.ts';
import type { Workers } from './workers.ts';

export interface TasksShownPorts {
  clock: Clock;
  dispatcher: Dispatcher;
  workers: Workers;
  /** Of the bodies that are arriving. */
  room: { readonly bytes: number };
}

/** What the tasks show of themselves. */
export function tasksShown(ports: TasksShownPorts): Shown {
  return { meters: metersOf(ports), lists: [workerList(ports)], pages: [taskPage(ports)] };
}

const count = (description?: string) => Type.Integer({ minimum: 0, description });

const entry = Type.Object(
  {
    node_id: Type.String(),
    protocol: Type.Union([Type.Literal('http'), Type.Literal('websocket')]),
    region: Type.String(),
    weight: Type.Integer({ minimum: 1, maximum: 100 }),
    max_concurrency: count('Tasks at a time; 0: no bound.'),
    health: Type.Union(healths.map((health) => Type.Literal(health))),
    in_flight: count(),
    last_seen: Type.String({ format: 'date-time' }),
    latency_ms: Type.Union([
      Type.Object({ p50: Type.Number(), p95: Type.Number() }, { description: 'Of 128 answers.' }),
      Type.Null(),
    ]),
    dropped: count('Answers to tasks that it did not have.'),
    health_reason: Type.Union([Type.String(), Type.Null()], {
      description: 'Why it is not healthy.',
    }),
  },
  {
    examples: [
      {
        node_id: '192.0.2.7:3000',
        protocol: 'http',
        region: 'us-east',
        weight: 1,
        max_concurrency: 4,
        health: 'ejected',
        in_flight: 0,
        last_seen: '2026-01-02T03:04:05.678Z',
        latency_ms: { p50: 12.5, p95: 80.25 },
        dropped: 0,
        health_reason: '3 failed calls in a row; a trial from 2026-01-02T03:04:10.000Z on',
      },
    ],
  },
);

function workerList({ clock, workers }: TasksShownPorts): List<Worker> {
  const wallMs = (ms: number) => clock.wallMs() + (ms - clock.now());
  return {
    path: '/workers',
    summary: 'The workers, in the order in which they came.',
    entry,
    items: () => workers.byId.values(),
    numberOf: ({ number }) => number,
    view: (worker) => ({ ...workerView(worker), health_reason: healthReason(worker, wallMs) }),
    filters: {
      region: {
        summary: 'Of this region only, and not of those below it.',
        matches: ({ region }, wanted) => region === wanted,
      },
      health: {
        summary: `Only those who are ${healths.join(', ')}: one of these.`,
        matches: (worker, wanted) => healthOf(worker) === wanted,
      },
      protocol: {
        summary: 'Only those on http, or on websocket.',
        matches: ({ protocol }, wanted) => protocol === wanted,
      },
    },
  };
}

function taskPage({ dispatcher }: TasksShownPorts): Page {
  const { counts } = dispatcher;
  return {
    path: '/tasks',
    summary: 'What became of the tasks since the start.',
    answer: Type.Object(
      {
        in_flight: count('Until the last byte of the answer has come.'),
        accepted: count('Taken in, whether or not there was a worker.'),
        completed: count('Answered by a worker.'),
        failed: Type.Record(Type.String(), Type.Integer(), {
          description: 'Requests without an answer of a worker, by the reason.',
        }),
        broken_off: count('Of those completed: the answer ended too early.'),
        tries: count('Calls to workers.'),
        retried: count('Of these, to another worker than the first.'),
        latency_ms: Type.Union(
          [
            Type.Object({ p50: Type.Number(), p95: Type.Number(), p99: Type.Number() }),
            Type.Null(),
          ],
          { description: 'Until the answer began, of the last 1024.' },
        ),
      },
      {
        examples: [
          {
            in_flight: 3,
            accepted: 1042,
            completed: 1030,
            failed: { hung_up: 2, failed: 1, no_worker: 4, deadline: 2 },
            broken_off: 0,
            tries: 1055,
            retried: 13,
            latency_ms: { p50: 8.1, p95: 42.7, p99: 120.4 },
          },
        ],
      },
    ),
    read: () => ({
      in_flight: dispatcher.inFlight,
      accepted: counts.accepted,
      completed: counts.answered,
      failed: counts.failures(),
      broken_off: counts.brokenOff,
      tries: counts.tries,
      retried: counts.retried,
      latency_ms: counts.latencies.tail() ?? null,
    }),
  };
}

function metersOf({ dispatcher, workers, room }: TasksShownPorts): Meter[] {
  const { counts } = dispatcher;
  return [
    {
      name: 'requests_total',
      help: 'Requests that were answered, refused, or left by their caller.',
      kind: 'counter',
      label: 'outcome',
      read: () => counts.outcomes(),
    },
    {
      name: 'tries_total',
      help: 'Calls to workers.',
      kind: 'counter',
      read: () => counts.tries,
    },
    {
      name: 'retried_total',
      help: 'Calls to another worker, the one before having failed.',
      kind: 'counter',
      read: () => counts.retried,
    },
    {
      name: 'broken_off_total',
      help: 'Answers that ended too early, their callers having had the head.',
      kind: 'counter',
      read: () => counts.brokenOff,
    },
    {
      name: 'in_flight',
      help: 'Tasks until the last byte of their answer has come.',
      kind: 'gauge',
      read: () => dispatcher.inFlight,
    },
    {
      name: 'arriving_bytes',
      help: 'Bytes of task bodies that are arriving.',
      kind: 'gauge',
      read: () => room.bytes,
    },
    {
      name: 'workers',
      help: 'Workers, by their health.',
      kind: 'gauge',
      label: 'health',
      read: () => byHealth(workers.byId.values()),
    },
    {
      name: 'ejected_total',
      help: 'How often workers were ejected, and how often that went on after a trial.',
      kind: 'counter',
      read: () => workers.counts.ejected,
    },
    {
      name: 'heartbeats_total',
      help: 'Heartbeats of workers that were taken.',
      kind: 'counter',
      read: () => workers.counts.heartbeats,
    },
  ];
}

function byHealth(workers: Iterable<Worker>): Record<string, number> {
  const sums: Record<string, number> = Object.fromEntries(healths.map((health) => [health, 0]));
  for (const worker of workers) sums[healthOf(worker)]! += 1;
  return sums;
}
