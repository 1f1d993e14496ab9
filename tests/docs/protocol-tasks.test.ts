import { describe, expect, test } from 'bun:test';
import { workerAddress } from '../../src/access/worker-address.ts';
import { Fault, TaskFrames, taskRefusals } from '../../src/tasks/messages.ts';
import { fetched, orderOf, runCurl } from './http.ts';
import { blocksOf, read, tableOf, unquoted } from './markdown.ts';
import { perform, shownSections } from './play.ts';
import { expectBounds, expectRefusals, mlsSettings } from './tables.ts';
import { TasksPlay } from './tasks-play.ts';

const page = read('docs/protocol-tasks.md');

describe('the examples, section by section', () => {
  test.each(shownSections(page))('%s', async (_title, blocks) => {
    const play = new TasksPlay();
    try {
      await perform(blocks, (block, stage) => play.act(block, stage));
      play.expectNothingOpen();
    } finally {
      await play.stop();
    }
  });
});

const commands = blocksOf(page).filter(({ language }) => language === 'sh');

test.each(commands.map(({ text }, i) => [i + 1, text] as const))(
  'fetch can send what curl sends: command %d',
  async (_, text) => {
    using echo = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: async (request) =>
        Response.json([
          request.method,
          new URL(request.url).pathname,
          ...['content-type', 'x-api-key'].map((name) => request.headers.get(name)),
          await request.text(),
        ]),
    });
    const command = text.replace('localhost:8080', `127.0.0.1:${echo.port}`);
    const [byCurl, byFetch] = [await runCurl(command), await fetched(orderOf(command))];
    expect(JSON.parse(byCurl.body)).toEqual(JSON.parse(byFetch.body));
  },
);

test('the table of refusals has every refusal of the tasks, and no other', () => {
  const hows =
    /^(task|task, heartbeat|heartbeat|heartbeat; frame|heartbeat; frame, close|upgrade|close)$/;
  expectRefusals(page, taskRefusals, hows);
});

test('the table of bounds has the defaults of the schemas, and every number of mls.json', () => {
  const documented = expectBounds(page);
  const numbers = [...mlsSettings].filter(([, { type }]) => type === 'integer');
  const missing = numbers.map(([name]) => name).filter((name) => !documented.includes(name));
  expect(missing).toEqual(['port']);
});

test('what is written for errors of frames is what the code sends', () => {
  const code = read('src/tasks/worker-sockets.ts');
  const sent = [...code.matchAll(/encodeError\('([^']+)'/g)].map(([, message]) => message!);
  const documented = tableOf(page, 'message', 'when').map(({ message }) => message!);
  expect(documented.sort()).toEqual(sent.sort());
});

test.each(
  tableOf(page, '`ip`', '`detail`').map((row) => [unquoted(row['`ip`']!), row['`detail`']]),
)('no worker may be at %s', (ip, detail) => {
  const found = workerAddress(ip!, { isLocal: false, allowed: undefined });
  expect(found).toEqual({ problem: detail! });
});

describe('the tables of fields', () => {
  const frames = new TaskFrames({ idLengthMax: 128, jsonDepthMax: 64, answerBytesMax: 2 ** 20 });
  const response = (payload: object) => {
    const frame = frames.frame(JSON.stringify({ type: 'task_response', payload }));
    return frame instanceof Fault || !('answer' in frame) ? frame : frame.answer;
  };
  const [tasks, workers, responses] = [
    tableOf(page, 'field', 'type', 'bounds', 'default'),
    tableOf(page, 'field of a heartbeat', 'type', 'bounds', 'default'),
    tableOf(page, 'field of `task_response`', 'type', 'bounds', 'default'),
  ];
  const least = {
    task: { payload: null },
    heartbeat: { token: 't', region: 'r' },
    response: { task_id: 't' },
  };
  const readers: Record<keyof typeof least, (value: object) => unknown> = {
    task: (value) => frames.request(JSON.stringify(value)),
    heartbeat: (value) => frames.heartbeat(JSON.stringify(value)),
    response,
  };
  const rows = [
    ...tasks.map((row) => ['task', unquoted(row.field!), row] as const),
    ...workers.map((row) => ['heartbeat', unquoted(row['field of a heartbeat']!), row] as const),
    ...responses.map(
      (row) => ['response', unquoted(row['field of `task_response`']!), row] as const,
    ),
  ];

  test.each(rows)('of a %s: %s', (what, field, row) => {
    const isFault = (value: unknown) =>
      readers[what]({ ...least[what], [field]: value }) instanceof Fault;
    const { type, bounds, default: fallback } = row;
    expect(isFault(undefined)).toBe(bounds!.endsWith('required'));
    expect(bounds!.endsWith('required')).toBe(fallback === '');
    expect(isFault([5])).toBe(type !== 'any');
    const [, from, to] = /^(\d+) to (\d+)/.exec(bounds!) ?? [];
    if (from !== undefined) {
      const tried = [Number(from) - 1, Number(from), Number(to), Number(to) + 1];
      expect(tried.map(isFault)).toEqual([true, false, false, true]);
    }
    if (bounds!.startsWith('an id'))
      expect(['x'.repeat(128), 'x'.repeat(129), 'a\nb', '\ud800'].map(isFault)).toEqual([
        false,
        true,
        true,
        true,
      ]);
  });

  test('the defaults of a task', () => {
    const defaults = tasks.map(({ field, default: fallback }) => [unquoted(field!), fallback!]);
    const { timeoutMs, mayRetry, sticky, region } = frames.request('{"payload":1}') as never;
    expect(Object.fromEntries(defaults)).toEqual({
      payload: '',
      region: region ?? 'any',
      timeout_ms: String(timeoutMs),
      retry: String(mayRetry),
      sticky: sticky ?? 'none',
    });
  });
});
