import { read } from '../docs/markdown.ts';

export interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { type: string; uid: string };
  gridPos: { h: number; w: number; x: number; y: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: {
    refId: string;
    datasource: { type: string; uid: string };
    expr: string;
    legendFormat: string;
  }[];
}

export interface Dashboard {
  id?: number;
  schemaVersion: number;
  panels: Panel[];
  templating: {
    list: {
      name: string;
      type: string;
      datasource?: { type: string; uid: string };
      query: string | { query: string };
    }[];
  };
}

export const dashboardText = read('deploy/grafana/moonstead.json');
export const dashboard: Dashboard = JSON.parse(dashboardText);
/** Those that show something, and are no heading. */
export const panels = dashboard.panels.filter(({ type }) => type !== 'row');

export const alertsText = read('deploy/prometheus/alerts.yml');
const { groups } = Bun.YAML.parse(alertsText) as { groups: { name: string; rules: Rule[] }[] };
export const rules = groups.flatMap((group) => group.rules);

export const prometheus = Bun.YAML.parse(read('deploy/prometheus/prometheus.yml')) as {
  rule_files: string[];
  scrape_configs: {
    job_name: string;
    metrics_path: string;
    authorization: { type: string; credentials_file: string };
    static_configs: { targets: string[] }[];
  }[];
};

/** Of a dashboard, as Prometheus gets it: what Grafana puts in for its variables. */
export function filledIn(expr: string): string {
  return expr.replace(/\$__rate_interval/g, '5m').replace(/\$__range/g, '1h');
}

/** Every expression with where it stands. */
export function allExpressions(): [where: string, expr: string][] {
  return [
    ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }): [string, string] => [title, expr]),
    ),
    ...dashboard.templating.list.flatMap(({ name, query }): [string, string][] =>
      typeof query === 'string' ? [] : [[`variable ${name}`, valuesOf(query.query)]],
    ),
  ];
}

/** Grafana's question for the values of a label, in words of Prometheus. */
function valuesOf(query: string): string {
  return query.replace(/^label_values\((.*), (\w+)\)$/, 'count by ($2) ($1)');
}
