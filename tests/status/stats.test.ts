import { expect, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import { FormatRegistry } from '@sinclair/typebox';
import type { Shown } from '../../src/shown.ts';
import { type Self, selfPages, statsPage } from '../../src/status/stats.ts';

FormatRegistry.Set('date-time', (text) => !Number.isNaN(Date.parse(text)));

const startedWallMs = Date.parse('2026-01-01T00:00:00Z');
const self = (afterMs = 0): Self => ({
  version: '1.2.3',
  instance: 'harbour',
  startedWallMs,
  nowWallMs: () => startedWallMs + afterMs,
});
const pages = (afterMs = 0, lagMs = 0) =>
  Object.fromEntries(selfPages(self(afterMs), () => lagMs).map((page) => [page.path, page]));

test('the page of numbers has every meter of every part, read when it is asked for', () => {
  let count = 1;
  const shown = new Map<string, Shown>([
    ['relay', { meters: [{ name: 'sent_total', help: '', kind: 'counter', read: () => count }] }],
    [
      'tasks',
      {
        meters: [
          { name: 'done', help: '', kind: 'gauge', label: 'how', read: () => ({ well: count }) },
        ],
      },
    ],
    ['players', { meters: [] }],
  ]);
  const page = statsPage(shown, self(5999));
  expect(page.read()).toEqual({
    version: '1.2.3',
    instance: 'harbour',
    started_at: '2026-01-01T00:00:00.000Z',
    uptime_seconds: 5,
    parts: { relay: { sent_total: 1 }, tasks: { done: { well: 1 } }, players: {} },
  });
  count = 7;
  expect(page.read()).toMatchObject({
    parts: { relay: { sent_total: 7 }, tasks: { done: { well: 7 } } },
  });
  expect(Value.Check(page.answer, page.read())).toBeTrue();
  shown.set('late', { meters: [] });
  expect(page.read()).toMatchObject({ parts: { late: {} } });
});

test.each([
  [0, '00.00:00:00'],
  [59.9, '00.00:00:59'],
  [3661, '00.01:01:01'],
  [86_399, '00.23:59:59'],
  [2 * 86_400 + 11 * 3600 + 5 * 60 + 9, '02.11:05:09'],
  [365 * 86_400, '365.00:00:00'],
])('after %d s the uptime is %s', (seconds, uptime) => {
  expect(pages(seconds * 1000)['/uptime']!.read()).toEqual({
    uptime,
    uptime_seconds: Math.floor(seconds),
    started_at: '2026-01-01T00:00:00.000Z',
  });
});

test('whoever sets the clock back makes no negative uptime', () => {
  expect(pages(-5000)['/uptime']!.read()).toMatchObject({
    uptime: '00.00:00:00',
    uptime_seconds: 0,
  });
});

test('the ping tells how late the event loop was, in whole milliseconds', () => {
  expect(pages(0, 12.6)['/ping']!.read()).toEqual({ status: 'ok', latency_ms: 13 });
});

test('every page answers as it says', () => {
  for (const page of Object.values(pages(1000, 1)))
    expect([page.path, Value.Check(page.answer, page.read())]).toEqual([page.path, true]);
});
