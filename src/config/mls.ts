import { Type, type Static } from '@sinclair/typebox';
import { Create } from '@sinclair/typebox/value';
import { networkProblem } from '../access/networks.ts';
import { flag, item, list, map, oneOf, port, seconds, text, whole } from './setting.ts';
import { keyProblem, nameProblem, partHostProblem, pathProblem } from './words.ts';

/** The workers' tokens in the source document: public, so only for this machine. */
export const exampleTokens = ['supersecrettokenox0', 'supersecrettokenox1'];

const path = (sentence: string, fallback: string) =>
  text(sentence, fallback, { refuse: pathProblem });

/**
 * Every key of mls.json: type, default (the source document's example) and one sentence. Times are
 * numbers of seconds there, as in its `ws` block; `"100ms"` is understood too.
 */
export const mlsSchema = Type.Object({
  note: Type.Optional(text('Means nothing.', '', { prose: true })),
  tokens: list(
    'Tokens that workers register with.',
    item({ secret: true, refuse: keyProblem }),
    exampleTokens,
  ),
  retry_count: whole('Further workers that a failed task is tried on.', 3, 0, 100),
  host: text('Address that the tasks listen on; empty: the one of [server].', '', {
    refuse: partHostProblem,
  }),
  port: port('Port of the tasks; 0: a free one.', 8080),
  ws: Type.Object({
    enabled: flag('Workers may connect by WebSocket.', true),
    path: path('Where they connect.', '/ws'),
    max_connections: whole('Sockets of workers in all.', 1000, 1, 1_000_000),
    read_timeout: seconds('How long a socket may take to register.', '300s', '1ms', '24h'),
    slow_mb: whole('Unread MB from which on a worker gets no further task.', 1, 1, 1024),
    write_timeout: seconds('How long a socket may take to accept a frame.', '30s', '1ms', '24h'),
    heartbeat_interval: seconds(
      'How often a worker is pinged; two of it without a sign: dead.',
      '30s',
      '1ms',
      '24h',
    ),
    connection_check_interval: seconds('How often HTTP workers are checked.', '60s', '1ms', '24h'),
  }),
  html: Type.Object({
    enabled: flag('Serve the dashboard.', true),
    static_path: path('Where its scripts and styles are.', '/static'),
    index_path: path('Where it is.', '/'),
    dashboard_path: path('Where it is, too.', '/dashboard'),
  }),
  region_hierarchy: map('Each region and the one above it.', item({ refuse: nameProblem }), {
    'us-east-1': 'usa',
    'us-west-1': 'usa',
    'eu-west-1': 'europe',
    'ap-southeast-1': 'singapore',
    usa: 'northamerica',
    europe: 'emea',
    singapore: 'asia',
    northamerica: 'global',
    emea: 'global',
    asia: 'global',
  }),
  work_body: oneOf(
    'What a worker is sent: {"payload":…}, or the payload alone.',
    ['wrapped', 'payload'],
    'wrapped',
  ),
  task_keys: list(
    'Keys that callers of tasks show; none: anybody may call.',
    item({ secret: true, refuse: keyProblem }),
  ),
  allowed_networks: list(
    'Networks that workers may be in; none: any.',
    item({ refuse: networkProblem }),
  ),
  connect_timeout: seconds('How long connecting to a worker may take.', '2s', '1ms', '10m'),
  gone_after: seconds('How long an HTTP worker may go without a heartbeat.', '180s', '1ms', '24h'),
  forget_after: seconds('When such a worker is forgotten.', '600s', '1ms', '7d'),
  health_check: Type.Object({
    enabled: flag('Ask HTTP workers GET /health.', false),
    timeout: seconds('How long such an answer may take.', '5s', '1ms', '10m'),
  }),
  body_timeout: seconds('How long the body of a request may take.', '30s', '1ms', '10m'),
  answer_timeout: seconds('How long an answer may pause once it began.', '30s', '1ms', '10m'),
  caller_timeout: seconds(
    'How long a caller may take no more of an answer.',
    '240s',
    '1ms',
    '240s',
  ),
  bodies_mb: whole('Tasks that are arriving, all bodies together, in MB.', 256, 1, 1_048_576),
  silent_after: seconds('From when on a call without an answer has failed.', '15s', '1ms', '10m'),
  eject_failures: whole('Failed calls in a row that eject a worker.', 3, 1, 1000),
  eject_time: seconds('How long it is ejected at first; doubled each time.', '5s', '1ms', '24h'),
  eject_time_max: seconds('How long at most.', '300s', '1ms', '24h'),
  workers_max: whole('Workers in all.', 20_000, 1, 1_000_000),
  tasks_max: whole('Tasks in flight.', 10_000, 1, 1_000_000),
  task_body_mb: whole('Largest task, in MB.', 8, 1, 1024),
  answer_mb: whole('Largest answer of a WebSocket worker, in MB.', 8, 1, 1024),
});

/** mls.json as loaded: its own names, times in milliseconds. */
export type Mls = Static<typeof mlsSchema>;

/** The source document's example, which counts without a file. */
export function defaultMls(): Mls {
  return Create(mlsSchema);
}
