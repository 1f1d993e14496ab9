import type { Account } from './station.ts';

/** A figure over several pairs. */
export interface Spread {
  median: number;
  low: number;
  high: number;
  pairs: number;
}

/** A goal of the specification, and what came of it. */
export interface Goal {
  question: string;
  against: string;
  bound: 'at most' | 'at least';
  limit: number;
  /** The ratio, or why there is none. */
  measured: Spread | string;
  /** Cores' worth of CPU that processes which are not ours took while it was measured. */
  othersCores?: number;
}

/** Above this the figures are partly those of other processes, and no goal is judged by them. */
const othersCoresMax = 0.1;

/** What one question gives: a table, and its goals. */
export interface Section {
  title: string;
  method: string;
  head: string[];
  rows: string[][];
  goals: Goal[];
  /** What was counted, in words. */
  counted: string;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0]!, high: sorted.at(-1)!, pairs: values.length };
}

/** `1.02 (0.98 to 1.05)` */
export function spreadText({ median, low, high }: Spread): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** Three digits that count: `1.53 M`, `271 k`, `64.2`. */
export function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e3) return `${(value / 1e3).toPrecision(3)} k`;
  return value.toPrecision(3);
}

/** Whether the median meets the goal, and whether every pair says the same. */
export function verdict({ bound, limit, measured, othersCores = 0 }: Goal): string {
  if (typeof measured === 'string') return 'not measured';
  if (othersCores > othersCoresMax)
    return `not judged: others used ${othersCores.toFixed(2)} of a core`;
  const meets = (value: number) => (bound === 'at most' ? value <= limit : value >= limit);
  const { median, low, high } = measured;
  const word = meets(median) ? 'met' : 'MISSED';
  return meets(low) === meets(high) ? word : `${word} by the median, not by every pair`;
}

/** A Markdown table whose columns also line up on a terminal: words left, the rest right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, n) => Math.max(cell.length, ...rows.map((row) => row[n]!.length)));
  const left = head.map((_, n) => rows.some((row) => /^[a-z]/i.test(row[n]!)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, n) => (left[n] ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join(' | ')} |`;
  const rule = widths.map((width, n) =>
    left[n] ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

export function goalsTable(goals: readonly Goal[]): string {
  return table(
    ['question', 'against', 'goal', 'measured', 'pairs', 'verdict'],
    goals.map((goal) => [
      goal.question,
      goal.against,
      `${goal.bound} ${goal.limit}`,
      typeof goal.measured === 'string' ? goal.measured : spreadText(goal.measured),
      typeof goal.measured === 'string' ? '' : String(goal.measured.pairs),
      verdict(goal),
    ]),
  );
}

export function sectionText({ title, method, head, rows, counted }: Section): string {
  return `## ${title}\n\n${method}\n\n${table(head, rows)}\n\n${counted}`;
}

export function accountText(account: Account): string {
  const { sent, acknowledged, delivered, pingsAnswered } = account;
  return `Accounted for: ${sent} messages sent, ${acknowledged} acknowledged, ${delivered} deliveries, ${pingsAnswered} pings answered.`;
}

export const noAccount = (): Account => ({
  sent: 0,
  acknowledged: 0,
  delivered: 0,
  pingsAnswered: 0,
});

export function addAccount(to: Account, more: Account): void {
  to.sent += more.sent;
  to.acknowledged += more.acknowledged;
  to.delivered += more.delivered;
  to.pingsAnswered += more.pingsAnswered;
}
