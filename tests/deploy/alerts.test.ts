import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TaskCounts } from '../../src/tasks/counts.ts';
import { taskRefusals } from '../../src/tasks/messages.ts';
import { read, root, tableOf, unquoted } from '../docs/markdown.ts';
import { mlsSettings, settings } from '../docs/tables.ts';
import { temporaryFolder } from '../support/moonstead.ts';
import { alertsText, dashboardText, filledIn, panels, prometheus, rules } from './files.ts';
import { firing, healthy, type Series } from './promtool-series.ts';

const page = read('deploy/README.md');

test('every alert waits, says how bad it is, what is wrong where, and what to do', () => {
  expect(rules.length).toBeGreaterThan(15);
  for (const { alert, for: wait, labels, annotations } of rules) {
    expect(alert).toMatch(/^Moonstead[A-Z]\w+$/);
    expect([alert, wait]).toEqual([alert, expect.stringMatching(/^[1-9]\d*[smh]$/)]);
    expect([alert, Object.keys(labels)]).toEqual([alert, ['severity']]);
    expect(['critical', 'warning', 'info']).toContain(labels.severity!);
    expect([alert, Object.keys(annotations)]).toEqual([alert, ['summary', 'description']]);
    for (const text of Object.values(annotations))
      expect([alert, text]).toEqual([alert, expect.stringMatching(/\w.*\.$/s)]);
    expect(annotations.summary).toContain('{{ $labels.instance }}');
  }
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
});

test('the page has every alert, and says of each how bad it is and what to do', () => {
  const rows = tableOf(page, 'alert', 'severity', 'what it means', 'what to do');
  expect(rows.map(({ alert, severity }) => [unquoted(alert!), severity])).toEqual(
    rules.map(({ alert, labels }) => [alert, labels.severity]),
  );
  for (const row of rows) expect(Object.values(row)).not.toContain('');
});

test('every setting that is named exists', () => {
  const known = [...settings.keys(), ...mlsSettings.keys()].map((name) => name.split('.').at(-1));
  const sections = /\b(?:server|gateway|auth|players|api)\.[a-z_]+(?:\.[a-z_]+)?\b/g;
  for (const text of [page, alertsText, dashboardText]) {
    const named = [...new Set(text.match(sections))];
    expect(named.filter((name) => !settings.has(name))).toEqual([]);
    const bare = [...new Set(text.match(/\b[a-z_]+_(?:max|mb|timeout)\b/g))];
    expect(bare.filter((name) => !known.includes(name))).toEqual([]);
  }
});

test('tasks that fail are those that are answered with 5xx', () => {
  const { expr } = rules.find(({ alert }) => alert === 'MoonsteadTasksFailing')!;
  const failures = Object.keys(new TaskCounts().failures());
  const with5xx = Object.entries(taskRefusals)
    .filter(([, { code }]) => code >= 500)
    .map(([name]) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .filter((word) => failures.includes(word));
  const [, outcomes] = /outcome=~"([^"]+)"/.exec(expr)!;
  expect(outcomes!.split('|').sort()).toEqual(with5xx.sort());
});

test('the example asks for what the alerts look for, where the status API listens unless told', () => {
  const [{ job_name, static_configs }] = prometheus.scrape_configs as [
    (typeof prometheus.scrape_configs)[number],
  ];
  expect(prometheus.rule_files).toEqual(['alerts.yml']);
  expect(alertsText).toContain(`up{job="${job_name}"}`);
  const { targets } = static_configs[0]!;
  expect(targets).toEqual([`127.0.0.1:${settings.get('api.port')!.default}`]);
});

const hasPromtool = Bun.which('promtool') !== null;
const needs = hasPromtool ? '' : ' (skipped: needs promtool)';
describe.if(hasPromtool)(`as Prometheus reads it${needs}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder();
    cpSync(join(root, 'deploy/prometheus'), folder, { recursive: true });
    writeFileSync(join(folder, prometheus.scrape_configs[0]!.authorization.credentials_file), 'k');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function promtool(...words: string[]): void {
    const { exitCode, stdout, stderr } = Bun.spawnSync(['promtool', ...words], { cwd: folder });
    if (exitCode !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
  }

  test('the example and the alerts are in order', () => {
    promtool('check', 'rules', '--lint-fatal', 'alerts.yml');
    promtool('check', 'config', '--lint-fatal', 'prometheus.yml');
  });

  test('it understands every expression of the dashboard', () => {
    const records = panels.flatMap(({ id, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ record: `panel_${id}_${refId}`, expr: filledIn(expr) })),
    );
    const dashboardRules = { groups: [{ name: 'dashboard', rules: records }] };
    // All JSON is YAML.
    writeFileSync(join(folder, 'dashboard.yml'), JSON.stringify(dashboardRules));
    promtool('check', 'rules', 'dashboard.yml');
  });

  test('every alert fires for what it is for, alone, and none of a server that is well', () => {
    expect(Object.keys(firing).sort()).toEqual(rules.map(({ alert }) => alert).sort());
    const servers = Object.entries<Series>({ ...firing, none: {} });
    const scene = {
      interval: '2m',
      input_series: servers.flatMap(([instance, series]) =>
        Object.entries({ ...healthy, ...series }).map(([name, values]) => ({
          series: name.replace('{', `{instance="${instance}", `),
          values,
        })),
      ),
      promql_expr_test: [
        {
          expr: 'sum by (alertname, instance) (ALERTS{alertstate="firing"})',
          eval_time: '130m',
          exp_samples: rules.map(({ alert }) => ({
            labels: `{alertname="${alert}", instance="${alert}"}`,
            value: 1,
          })),
        },
      ],
    };
    const scenes = { rule_files: ['alerts.yml'], evaluation_interval: '2m', tests: [scene] };
    writeFileSync(join(folder, 'scenes.yml'), JSON.stringify(scenes));
    promtool('test', 'rules', 'scenes.yml');
  });
});
