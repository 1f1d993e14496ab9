import { describe, expect, test } from 'bun:test';
import { TaskCounts } from '../../src/tasks/counts.ts';
import { taskRefusals } from '../../src/tasks/messages.ts';
import { tasksShown } from '../../src/tasks/shown.ts';
import { Stage, type StageLimits, StagePeer } from './stage.ts';

/** The core, what it shows, and what it told of its tasks. */
function staged(limits: Partial<StageLimits> = {}) {
  const took: string[] = [];
  const events: [string, any][] = [];
  const counts = new TaskCounts({
    took: (seconds, outcome) => took.push(`${outcome} ${seconds}`),
    report: (level, event, fields) => events.push([`${level} ${event}`, fields]),
  });
  const stage = new Stage(limits, {}, counts);
  const { clock, dispatcher, workers } = stage;
  const { meters, lists, pages } = tasksShown({ clock, dispatcher, workers, room: { bytes: 7 } });
  const [list] = lists!;
  return {
    stage,
    took,
    events,
    meter: (name: string) => meters.find((one) => one.name === name)!.read() as any,
    page: () => pages![0]!.read() as any,
    workers: (filters: Record<string, string> = {}): any[] =>
      Array.from(list!.items())
        .filter((one) =>
          Object.entries(filters).every(([name, wanted]) =>
            list!.filters[name]!.matches(one, wanted),
          ),
        )
        .map((one) => list!.view(one)),
    numbers: () => Array.from(list!.items(), (one) => list!.numberOf(one)),
  };
}

/** Only what is not 0. */
const some = (numbers: Record<string, number>) =>
  Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== 0));

describe('what became of tasks', () => {
  test('is counted by outcome, each task once', async () => {
    const { stage, meter, page, took } = staged({ retryCount: 1, tasksMax: 3 });
    stage.ask();
    expect(some(meter('requests_total'))).toEqual({ no_worker: 1 });
    stage.beat('a');
    stage.beat('b');
    stage.ask();
    await stage.clock.run(250);
    stage.answer();
    stage.ask();
    stage.close();
    stage.answer();
    stage.ask();
    stage.close();
    stage.close();
    stage.ask();
    stage.last.events.failed({ kind: 'garbled' });
    stage.ask().hangUp();
    for (let n = 0; n < 4; n++) stage.ask({ timeoutMs: 1000 });
    expect(meter('in_flight')).toBe(3);
    await stage.clock.run(1100);
    const failed = {
      hung_up: 1,
      failed: 1,
      bad_answer: 1,
      no_worker: 1,
      too_many_tasks: 1,
      deadline: 3,
    };
    expect(some(meter('requests_total'))).toEqual({ answered: 2, ...failed });
    const { failed: shown, latency_ms, ...others } = page();
    expect(some(shown)).toEqual(failed);
    expect(others).toEqual({
      in_flight: 0,
      accepted: 9,
      completed: 2,
      broken_off: 0,
      tries: 10,
      retried: 2,
    });
    expect(latency_ms).toEqual({ p50: 0, p95: 250, p99: 250 });
    expect([meter('tries_total'), meter('retried_total'), meter('in_flight')]).toEqual([10, 2, 0]);
    expect(took).toHaveLength(10);
    expect(took).toContain('answered 0.25');
    expect(took.filter((one) => one.startsWith('deadline 1'))).toHaveLength(3);
  });

  test('is told as an event where it is our 5xx, with no word of the payload', async () => {
    const { stage, events } = staged({ retryCount: 1 });
    stage.beat('a');
    stage.beat('b');
    stage.ask({ region: 'r', payload: '"secret words"' });
    await stage.clock.run(120);
    stage.close();
    stage.close();
    stage.ask().hangUp();
    stage.ask();
    stage.answer();
    expect(events).toEqual([
      [
        'warn task_failed',
        { task_id: 't1', region: 'r', code: 502, reason: 'failed', attempts: 2, ms: 120 },
      ],
    ]);
  });

  test('is a broken answer where its caller had the head, and one outcome all the same', () => {
    const { stage, meter, took, events } = staged();
    stage.beat('a');
    stage.ask();
    stage.answer(stage.last, new ReadableStream());
    stage.last.events.failed({ kind: 'broken' });
    const left = stage.ask();
    stage.answer(stage.last, new ReadableStream());
    left.hangUp();
    expect(some(meter('requests_total'))).toEqual({ answered: 2 });
    expect([meter('broken_off_total'), took.length, events]).toEqual([1, 2, []]);
  });

  test('is counted also where it never came to a worker', () => {
    const { stage, meter, page, took, events } = staged();
    for (const refusal of [taskRefusals.badTask, taskRefusals.badTaskKey, taskRefusals.badTask])
      stage.dispatcher.counts.refuse(refusal);
    expect(some(meter('requests_total'))).toEqual({ bad_task: 2, bad_task_key: 1 });
    expect(page().accepted).toBe(0);
    expect([took, events]).toEqual([[], []]);
  });
});

describe('the workers', () => {
  test('are shown as /clients has them, with the reason why one is not healthy', async () => {
    const { stage, workers, meter } = staged({ ejectFailures: 2, retryCount: 0 });
    stage.beat('a', { region: 'x' });
    stage.ask();
    stage.close();
    expect(workers()).toEqual([
      {
        node_id: 'a',
        protocol: 'http',
        region: 'x',
        weight: 1,
        max_concurrency: 0,
        health: 'healthy',
        in_flight: 0,
        last_seen: '2026-01-01T00:00:00.000Z',
        latency_ms: null,
        dropped: 0,
        health_reason: null,
      },
    ]);
    stage.ask();
    stage.close();
    expect(workers()[0]).toMatchObject({
      health: 'ejected',
      health_reason: '2 failed calls in a row; a trial from 2026-01-01T00:00:05.000Z on',
    });
    await stage.clock.run(5000);
    stage.ask();
    expect(workers()[0].health_reason).toBe('2 failed calls in a row; a trial is under way');
    stage.answer();
    expect(workers()[0].health_reason).toBeNull();
    const { workers: registry } = stage;
    for (let n = 0; n < 2; n++) registry.checked(registry.byId.get('a')!, false);
    expect(workers()[0]).toMatchObject({ health: 'ejected', health_reason: 'fails its checks' });
    await stage.clock.run(180_000);
    expect(workers()[0]).toMatchObject({
      health: 'gone',
      health_reason: 'no heartbeat for too long',
    });
    expect(meter('workers')).toEqual({ healthy: 0, ejected: 0, gone: 1 });
    expect(meter('ejected_total')).toBe(2);
  });

  test('are chosen by region, health and protocol', () => {
    const { stage, workers, meter } = staged();
    stage.beat('a', { region: 'x' });
    stage.beat('b', { region: 'y' });
    const peer = new StagePeer(stage);
    peer.register('c', { region: 'x' });
    const names = (filters: Record<string, string>) =>
      workers(filters).map(({ node_id: id }) => id);
    expect(names({})).toEqual(['a', 'b', 'c']);
    expect(names({ region: 'x' })).toEqual(['a', 'c']);
    expect(names({ region: 'x', protocol: 'http' })).toEqual(['a']);
    expect(names({ health: 'healthy', protocol: 'websocket' })).toEqual(['c']);
    expect(names({ health: 'gone' })).toEqual([]);
    expect(meter('workers')).toEqual({ healthy: 3, ejected: 0, gone: 0 });
    expect(meter('arriving_bytes')).toBe(7);
  });

  test('have numbers that grow, also when one takes the place of another', () => {
    const { stage, numbers } = staged();
    for (const name of ['a', 'b', 'c']) stage.beat(name);
    stage.beat('a', {}, 'elsewhere:3000');
    stage.beat('b');
    expect(numbers()).toEqual([2, 3, 4]);
  });

  test('that beat on a socket are counted', () => {
    const { stage, meter } = staged();
    const peer = new StagePeer(stage);
    peer.register('c');
    peer.say({ type: 'heartbeat' });
    peer.say({ type: 'heartbeat' });
    expect(meter('heartbeats_total')).toBe(2);
  });
});
