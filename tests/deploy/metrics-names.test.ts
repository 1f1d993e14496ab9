import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { answerJson, Stage } from '../support/tasks.ts';
import { allExpressions, dashboard, dashboardText, panels, prometheus } from './files.ts';
import { type Matcher, readExpression } from './promql.ts';

/** Of each metric, the values of each label. */
type Samples = Map<string, Map<string, Set<string>>>;

const key = 'a-long-key-that-only-prometheus-has';
const [scraping] = prometheus.scrape_configs;
const stage = new Stage();
let samples: Samples;

beforeAll(async () => {
  await stage.start({}, `[[api.keys]]\nname = "prometheus"\nkey = "${key}"\nrole = "read"`);
  // A histogram with a label shows only what was told it.
  await stage.httpWorker(answerJson('1'));
  expect((await stage.task()).status).toBe(200);
  const { type } = scraping!.authorization;
  const answer = await stage.get(scraping!.metrics_path, { Authorization: `${type} ${key}` });
  expect(answer.status).toBe(200);
  samples = samplesOf(answer.text);
});
afterAll(() => stage.stop());

function samplesOf(text: string): Samples {
  // What Prometheus itself tells of each server.
  const all: Samples = new Map([['up', new Map()]]);
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = all.get(name) ?? new Map<string, Set<string>>();
    all.set(name, known);
    for (const [, label, value] of labels.matchAll(/([a-z_]+)="([^"]*)"/g))
      known.set(label!, (known.get(label!) ?? new Set()).add(value!));
  }
  for (const labels of all.values())
    labels.set('job', new Set([scraping!.job_name])).set('instance', new Set(['any:1']));
  return all;
}

/** Texts that a matcher names: of an expression each of its alternatives, which are plain. */
function named({ how, value }: Matcher): string[] {
  if (value.startsWith('$')) return [];
  return how.endsWith('~') ? value.split('|') : [value];
}

/** What an expression uses that is not there. */
function missingIn(expr: string): string[] {
  const { reads, groupings } = readExpression(expr);
  return reads.flatMap(({ metric, matchers }) => {
    const labels = samples.get(metric);
    if (labels === undefined) return [metric];
    const used = [...groupings, ...matchers.map(({ label }) => label)];
    return [
      ...used.filter((label) => !labels.has(label)).map((label) => `${metric} by ${label}`),
      ...matchers.flatMap((matcher) =>
        named(matcher)
          .filter((value) => !(labels.get(matcher.label)?.has(value) ?? true))
          .map((value) => `${metric} with ${matcher.label} ${value}`),
      ),
    ];
  });
}

test('every metric, label and value that an alert or the dashboard uses is there', () => {
  const expressions = allExpressions();
  expect(expressions.length).toBeGreaterThan(80);
  expect(expressions.map(([where, expr]) => [where, missingIn(expr)])).toEqual(
    expressions.map(([where]) => [where, []]),
  );
});

test('what is not there is found', () => {
  const mistakes: [expr: string, missing: string[]][] = [
    ['moonstead_relay_mod', ['moonstead_relay_mod']],
    ['sum(rate(moonstead_store_commit_bucket[5m]))', ['moonstead_store_commit_bucket']],
    [
      'sum by (reason) (moonstead_relay_delivered_total)',
      ['moonstead_relay_delivered_total by reason'],
    ],
    [
      'up{job="moonshine"} == 0 or moonstead_tasks_workers{health=~"healthy|well"}',
      ['up with job moonshine', 'moonstead_tasks_workers with health well'],
    ],
    ['up{le="1"}', ['up by le']],
  ];
  for (const [expr, missing] of mistakes) expect([expr, missingIn(expr)]).toEqual([expr, missing]);
  for (const expr of ['raet(up[5m])', 'up{job}', 'up{job="x"', 'sum by job (up)', 'up{job="x]'])
    expect(() => readExpression(expr)).toThrow();
});

test('every metric has a panel', () => {
  const shown = new Set(
    panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => readExpression(expr).reads.map(({ metric }) => metric)),
    ),
  );
  const all = [...samples.keys()].filter((name) => !/_(?:sum|count)$/.test(name));
  expect(all.filter((name) => !shown.has(name))).toEqual([]);
});

describe('the dashboard', () => {
  test('gives every panel a title, a sentence, a unit, a place and something to show', () => {
    for (const { id, title, description, fieldConfig, gridPos, targets = [] } of panels) {
      expect([id, title, description]).toEqual([
        id,
        expect.stringMatching(/\S/),
        expect.stringMatching(/\.$/),
      ]);
      expect([title, fieldConfig?.defaults.unit]).toEqual([title, expect.stringMatching(/\S/)]);
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      expect([title, targets.length > 0]).toEqual([title, true]);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  test('has no number, title or place twice', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(titles.filter((one, at) => titles.indexOf(one) !== at)).toEqual([]);
    const cells = dashboard.panels.flatMap(({ title, gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => [`${x + (n % w)},${y + Math.floor(n / w)}`, title]),
    );
    expect(new Map(cells.map(([cell, title]) => [cell!, title!])).size).toBe(cells.length);
  });

  test('asks the data source that is chosen, of the jobs and servers that are, and no other', () => {
    const [source, ...others] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    expect(others.map(({ name }) => name)).toEqual(['job', 'instance']);
    const chosen = { type: 'prometheus', uid: '${datasource}' };
    const asked = [...others, ...panels, ...panels.flatMap(({ targets = [] }) => targets)];
    for (const { datasource } of asked) expect(datasource).toEqual(chosen);
    for (const { expr } of panels.flatMap(({ targets = [] }) => targets))
      for (const { matchers } of readExpression(expr).reads)
        expect([expr, matchers.slice(0, 2)]).toEqual([
          expr,
          [
            { label: 'job', how: '=~', value: '$job' },
            { label: 'instance', how: '=~', value: '$instance' },
          ],
        ]);
    expect(dashboardText).not.toMatch(/https?:|localhost|\d+\.\d+\.\d+\.\d+|:\d{4}/);
    expect(dashboard.id).toBeUndefined();
  });

  test('tells servers and labels apart: a legend names what its expression leaves', () => {
    for (const { expr, legendFormat } of panels.flatMap(({ targets = [] }) => targets)) {
      const { reads, groupings } = readExpression(expr);
      const [{ metric, matchers }] = reads as [(typeof reads)[number]];
      const fixed = matchers.filter(({ how }) => how === '=').map(({ label }) => label);
      const left = /^(?:sum by|histogram_quantile)/.test(expr)
        ? groupings.filter((label) => label !== 'le')
        : [...samples.get(metric)!.keys()].filter((label) => label !== 'job');
      const wanted = new Set(left.filter((label) => !fixed.includes(label)));
      const said = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      expect([expr, said.sort()]).toEqual([expr, [...wanted].sort()]);
    }
  });
});
