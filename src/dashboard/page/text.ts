import { serverMs } from './api.ts';

/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const shortClock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

export const countText = (value: number) => whole.format(value);

/** How many a second. */
export const rateText = (value: number) =>
  (value === 0 || value >= 100 ? whole : tenth).format(value);

/** Beside an axis: as short as can be. */
export const axisText = (value: number) => compact.format(value);

export function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? whole.format(value) : tenth.format(value)} ${units[unit]}`;
}

export function msText(ms: number): string {
  if (ms >= 10_000) return `${whole.format(ms / 1000)} s`;
  return ms < 10 ? `${tenth.format(ms)} ms` : `${whole.format(ms)} ms`;
}

/** `2d 3h`, `4m 5s`. */
export function spanText(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [Math.floor(seconds) % 60, 's'],
  ];
  const from = parts.findIndex(([value]) => value > 0);
  if (from < 0) return '0s';
  return parts
    .slice(from, from + 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join(' ');
}

/** The time of day here. */
export const timeText = (rfc3339: string) => clock.format(new Date(rfc3339));

/** The same without seconds. */
export const minuteText = (ms: number) => shortClock.format(new Date(ms));

/** How long ago, by the server's clock; two units at most. */
export const sinceText = (rfc3339: string) =>
  spanText(Math.max(0, (serverMs() - Date.parse(rfc3339)) / 1000));

/** Times within what the server says, as times of day here. */
export const withTimesText = (text: string) =>
  text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => timeText(time));

export const pluralText = (count: number, one: string, many = `${one}s`) =>
  `${countText(count)} ${count === 1 ? one : many}`;

/** `too_many_messages` and `tooManyMessages` as words. */
export const wordsText = (name: string) =>
  name
    .replaceAll('_', ' ')
    .replace(/([a-z])([A-Z])/g, (_, end, begin) => `${end} ${begin.toLowerCase()}`);

export const percentText = (part: number, whole: number) =>
  `${Math.floor((100 * part) / Math.max(1, whole))} %`;
