import { expect, test } from 'bun:test';
import { History, type Numbers } from '../../src/status/history.ts';
import { SimClock } from '../sim/clock.ts';

interface Shown {
  interval_seconds: number;
  until: string;
  series: Record<string, number[]>;
}

/** A history of these numbers, which the test changes as time passes. */
function begun(parts: Record<string, Numbers>) {
  const clock = new SimClock();
  const startMs = clock.wallMs();
  const history = new History({ clock, read: () => parts });
  history.begin();
  return {
    history,
    clock,
    read: () => history.page.read() as Shown,
    secondsSinceStart: (time: string) => (Date.parse(time) - startMs) / 1000,
    parts,
  };
}

test('each number is taken every five seconds, the oldest first', async () => {
  const { clock, read, parts, secondsSinceStart } = begun({ relay: { mods: 3 } });
  await clock.run(4_999);
  expect(read()).toMatchObject({ interval_seconds: 5, series: {} });
  await clock.run(5_001);
  parts.relay = { mods: 5 };
  await clock.run(7_000);
  expect(read().series).toEqual({ 'relay.mods': [3, 3, 5] });
  expect(secondsSinceStart(read().until)).toBe(15);
});

test('numbers with labels are lines of their own', async () => {
  const { clock, read } = begun({ tasks: { workers: { healthy: 2, gone: 1 } } });
  await clock.run(10_000);
  expect(read().series).toEqual({ 'tasks.workers.healthy': [2, 2], 'tasks.workers.gone': [1, 1] });
});

test('what never was anything but 0 has no line; once it has, the line begins with zeros', async () => {
  const { clock, read, parts } = begun({ relay: { mods: 0, refused: { floods: 0 } } });
  await clock.run(15_000);
  expect(read().series).toEqual({});
  parts.relay = { mods: 0, refused: { floods: 4 } };
  await clock.run(5_000);
  parts.relay = { mods: 0, refused: { floods: 0 } };
  await clock.run(5_000);
  expect(read().series).toEqual({ 'relay.refused.floods': [0, 0, 0, 4, 0] });
});

test('a label that is told no more is 0 from then on', async () => {
  const { clock, read, parts } = begun({ tasks: { by: { here: 1, there: 1 } } });
  await clock.run(5_000);
  parts.tasks = { by: { here: 1 } };
  await clock.run(5_000);
  expect(read().series).toEqual({ 'tasks.by.here': [1, 1], 'tasks.by.there': [1, 0] });
});

test('a quarter of an hour is kept, of late lines too, and all are of one length', async () => {
  const { clock, read, parts, secondsSinceStart } = begun({ server: { sockets: 1, late: 0 } });
  await clock.run(20 * 60_000);
  parts.server = { sockets: 2, late: 7 };
  await clock.run(5_000);
  const { until, series } = read();
  const lengths = Object.values(series).map((values) => values.length);
  // Both ends count: 15 minutes lie between the first and the last.
  expect(lengths).toEqual([181, 181]);
  expect(series['server.sockets']!.slice(-2)).toEqual([1, 2]);
  expect(series['server.late']!.slice(-2)).toEqual([0, 7]);
  expect(secondsSinceStart(until)).toBe(20 * 60 + 5);
});

test('after its end nothing is taken', async () => {
  const { clock, history, read } = begun({ server: { sockets: 1 } });
  await clock.run(5_000);
  history.end();
  await clock.run(60_000);
  expect(read().series).toEqual({ 'server.sockets': [1] });
});
