import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { topics } from '../../src/status/journal.ts';
import { statusRefusals } from '../../src/status/messages.ts';
import { Moonstead } from '../support/moonstead.ts';
import { jsonType } from './http.ts';
import { read, sectionsOf, tableOf, unquoted } from './markdown.ts';
import { StatusPlay } from './status-play.ts';
import { expectBounds, settings } from './tables.ts';

const page = read('docs/protocol-status.md');

describe('the examples, section by section', () => {
  const shown = sectionsOf(page).filter(({ blocks }) =>
    blocks.some(({ language }) => language !== 'toml'),
  );
  test.each(shown.map(({ title, blocks }) => [title, blocks] as const))('%s', (_title, blocks) =>
    new StatusPlay().perform(blocks),
  );
});

test('the table of refusals has every refusal of the status, and no other', () => {
  const columns = ['name', 'when', 'code', 'word', 'text', 'again'];
  const rows = tableOf(page, ...columns).map(({ name, when, code, word, text, again }) => {
    expect(when!.length).toBeGreaterThan(10);
    const retry = { yes: true, no: false }[again!];
    const refusal = { code: Number(code), word: unquoted(word!), message: text!, retry };
    return [unquoted(name!), refusal] as const;
  });
  expect(Object.fromEntries(rows)).toEqual(statusRefusals);
});

test('the table of bounds has the defaults of the schema, and every bound of the status', () => {
  const documented = expectBounds(page);
  const noBounds = ['host', 'port', 'public', 'swagger', 'keys'].map((name) => `api.${name}`);
  const bounds = [...settings.keys()].filter((name) => name.startsWith('api.'));
  bounds.push('server.journal_events');
  expect(bounds.filter((name) => ![...documented, ...noBounds].includes(name))).toEqual([]);
});

test('the table of topics has every topic, and stats', () => {
  const documented = tableOf(page, 'topic', 'what').map(({ topic }) => unquoted(topic!));
  expect(documented).toEqual([...topics, 'stats']);
});

describe('as a running server has it', () => {
  let server: Moonstead;
  let operations: Operations;
  beforeAll(async () => {
    server = await Moonstead.start();
    const answer = await fetch(`${server.http}/swagger/json`);
    operations = ((await answer.json()) as { paths: Operations }).paths;
  });
  afterAll(() => server.stop());

  test('the table of what can be read has every path and its parameters', () => {
    const open = ['/health', '/ready', '/swagger', '/swagger/json'];
    const real = Object.entries(operations).filter(
      ([path, { get }]) => open.includes(path) || (get && isOfStatus(get)),
    );
    const documented = tableOf(page, 'path', 'parameters', 'what').map(
      ({ path, parameters }) => [unquoted(path!), namesIn(parameters!)] as const,
    );
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(real.map(([path, { get }]) => [path, parametersOf(get!)])),
    );
  });

  test('the table of what operators do has every action and its answer', () => {
    const real = Object.entries(operations).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method, operation]) => method !== 'get' && isOfStatus(operation))
        .map(([method, operation]) => [`${method.toUpperCase()} ${path}`, fieldsOf(operation)]),
    );
    const documented = tableOf(page, 'request', 'answer', 'what it means').map(
      ({ request, answer }) => [unquoted(request!), namesIn(answer!)],
    );
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(real));
  });

  test.each([
    ['field of a session', '/sessions'],
    ['field of a player', '/players'],
    ['field of a channel', '/relay'],
    ['field of a worker', '/workers'],
    ['field of `/tasks`', '/tasks'],
    ['field of an event', '/logs'],
  ])('the table with each %s', (column, path) => {
    const documented = tableOf(page, column, 'meaning').map((row) => unquoted(row[column]!));
    expect(documented).toEqual(fieldsOf(operations[path]!.get!));
  });

  test('the tables of metrics have every one, as it is described there', async () => {
    // A histogram with a label has none to show before something was measured.
    const body = '{"payload":"Hello"}';
    await fetch(`${server.http}/task/request`, { method: 'POST', headers: jsonType, body });
    const text = await (await fetch(`${server.http}/metrics`)).text();
    const real = metricsIn(text);
    const parts = new Set([...real.keys()].map((name) => name.split('_')[1]!));
    const documented = new Map<string, Metric>();
    for (const part of parts)
      for (const row of tableOf(page, `metric of \`${part}\``, 'kind', 'label', 'meaning')) {
        const name = `moonstead_${part}_${unquoted(row[`metric of \`${part}\``]!)}`;
        const [label, ...listed] = namesIn(row.label!);
        // Where they are many the page has none of them.
        const values = listed.length > 0 ? listed : (real.get(name)?.values ?? []);
        documented.set(name, { help: row.meaning!, kind: row.kind!, label, values });
      }
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(real));
  });
});

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}

interface Described {
  parameters?: { name: string; in: string }[];
  security?: Record<string, unknown>[];
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

type Operations = Record<string, Record<string, Described>>;

function isOfStatus({ security = [] }: Described): boolean {
  return security.some((one) => 'statusKey' in one);
}

/** Those of its query that not every list has. */
function parametersOf({ parameters = [] }: Described): string[] {
  const ofQuery = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  return ofQuery.filter((name) => name !== 'limit' && name !== 'cursor');
}

/** Of an answer, or of an entry of a list. */
function fieldsOf({ responses }: Described): string[] {
  const { properties = {} } = responses[200]!.content!['application/json']!.schema;
  return Object.keys(properties.items?.items?.properties ?? properties);
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

interface Metric {
  help: string;
  kind: string;
  label: string | undefined;
  values: string[];
}

/** What the text format of Prometheus tells of each metric. */
function metricsIn(text: string): Map<string, Metric> {
  const all = new Map<string, Metric>();
  const described = /^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)\n((?:(?!# ).*\n?)*)/gm;
  for (const [, name, help, kind, samples] of text.matchAll(described)) {
    const pairs = [...samples!.matchAll(/[{,](\w+)="([^"]*)"/g)].filter(([, one]) => one !== 'le');
    const values = [...new Set(pairs.map(([, , value]) => value!))];
    all.set(name!, { help: help!, kind: kind!, label: pairs[0]?.[1], values });
  }
  return all;
}
