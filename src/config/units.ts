/** Durations are written `"30s"` and loaded as milliseconds, sizes `"2MB"` and loaded as bytes. */

const durationUnits = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const sizeUnits = { GB: 1024 ** 3, MB: 1024 ** 2, KB: 1024, B: 1 };

/** Milliseconds of `"100ms"`, `"30s"`, `"5m"`, `"24h"` or `"7d"`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parse(text, durationUnits);
}

/** The shortest way to write it: 90000 is `"90s"`, 0 is `"0s"`. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0s' : format(ms, durationUnits);
}

/** Bytes of `"512B"`, `"64KB"`, `"2MB"` or `"1GB"`, each 1024 of the one before. */
export function parseSize(text: string): number | undefined {
  return parse(text, sizeUnits);
}

/** The shortest way to write it: 1572864 is `"1536KB"`. */
export function formatSize(bytes: number): string {
  return format(bytes, sizeUnits);
}

function parse(text: string, units: Record<string, number>): number | undefined {
  const [, digits, unit] = /^(\d{1,15})([A-Za-z]{1,2})$/.exec(text) ?? [];
  if (digits === undefined || !Object.hasOwn(units, unit!)) return undefined;
  return Number(digits) * units[unit!]!;
}

function format(value: number, units: Record<string, number>): string {
  const fits = Object.entries(units).find(([, size]) => value >= size && value % size === 0);
  const [unit, size] = fits ?? Object.entries(units).at(-1)!;
  return `${value / size}${unit}`;
}
