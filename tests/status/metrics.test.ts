import { expect, test } from 'bun:test';
import type { Meter } from '../../src/shown.ts';
import { Metrics } from '../../src/status/metrics.ts';

const meter = (more: Partial<Meter> & Pick<Meter, 'read'>): Meter => ({
  name: 'things',
  help: 'Things.',
  kind: 'gauge',
  ...more,
});

const samples = (text: string) => text.split('\n').filter((line) => /^[^#\s]/.test(line));

test('a meter is read at each scrape, and says what it is', async () => {
  const metrics = new Metrics();
  let count = 3;
  metrics.show('relay', [
    meter({ read: () => count }),
    meter({ name: 'things_total', kind: 'counter', help: 'All things.', read: () => 10 * count }),
  ]);
  expect(await metrics.text()).toBe(
    '# HELP moonstead_relay_things Things.\n# TYPE moonstead_relay_things gauge\n' +
      'moonstead_relay_things 3\n\n' +
      '# HELP moonstead_relay_things_total All things.\n# TYPE moonstead_relay_things_total counter\n' +
      'moonstead_relay_things_total 30\n',
  );
  count = 4;
  for (let i = 0; i < 2; i++)
    expect(samples(await metrics.text())).toEqual([
      'moonstead_relay_things 4',
      'moonstead_relay_things_total 40',
    ]);
});

test.each(['counter', 'gauge'] as const)(
  'a %s with a label has a number for each value',
  async (kind) => {
    const metrics = new Metrics();
    let numbers: Record<string, number> = { in: 1, out: 0 };
    metrics.show('relay', [meter({ kind, label: 'direction', read: () => numbers })]);
    const read = async () => samples(await metrics.text());
    expect(await read()).toEqual([
      'moonstead_relay_things{direction="in"} 1',
      'moonstead_relay_things{direction="out"} 0',
    ]);
    numbers = { in: 5 };
    expect(await read()).toEqual(['moonstead_relay_things{direction="in"} 5']);
  },
);

test('a gauge may fall, below nothing too', async () => {
  const metrics = new Metrics();
  let value = 2;
  metrics.show('server', [meter({ read: () => value })]);
  await metrics.text();
  value = -1.5;
  expect(samples(await metrics.text())).toEqual(['moonstead_server_things -1.5']);
});

test('equal names of different parts are different metrics; of one part they are a mistake', () => {
  const metrics = new Metrics();
  metrics.show('relay', [meter({ read: () => 1 })]);
  metrics.show('tasks', [meter({ read: () => 1 })]);
  expect(() => metrics.show('tasks', [meter({ read: () => 1 })])).toThrow();
});

test('two registers know nothing of each other', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.show('relay', [meter({ read: () => 1 })]);
  other.show('relay', [meter({ read: () => 2 })]);
  expect(samples(await one.text())).toEqual(['moonstead_relay_things 1']);
});

test('how long something took falls into buckets of seconds', async () => {
  const metrics = new Metrics();
  const took = metrics.timing('store', { name: 'commit_seconds', help: 'Commits.' });
  for (const seconds of [0.0004, 0.003, 0.003, 100]) took(seconds);
  const text = await metrics.text();
  expect(text).toContain('# TYPE moonstead_store_commit_seconds histogram\n');
  const buckets = [...text.matchAll(/_bucket\{le="([^"]+)"\} (\d+)/g)].map(([, le, n]) => [
    le,
    +n!,
  ]);
  expect(buckets[0]).toEqual(['0.0005', 1]);
  expect(buckets.find(([le]) => le === '0.005')).toEqual(['0.005', 3]);
  expect(buckets.find(([le]) => le === '60')).toEqual(['60', 3]);
  expect(buckets.at(-1)).toEqual(['+Inf', 4]);
  expect(samples(text)).toContain('moonstead_store_commit_seconds_count 4');
});

test('with a label each value has times of its own', async () => {
  const metrics = new Metrics();
  const about = { name: 'task_seconds', help: 'Tasks.', label: 'outcome' };
  const took = metrics.timing('tasks', about);
  took(1, 'done');
  took(2, 'done');
  took(3, 'failed');
  const all = samples(await metrics.text());
  expect(all).toContain('moonstead_tasks_task_seconds_sum{outcome="done"} 3');
  expect(all).toContain('moonstead_tasks_task_seconds_count{outcome="failed"} 1');
});
