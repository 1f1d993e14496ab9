import { describe, expect, test } from 'bun:test';
import { Checks } from '../../src/tasks/checks.ts';
import { clientsView, statusView } from '../../src/tasks/views.ts';
import type { Worker } from '../../src/tasks/worker.ts';
import { Stage } from './stage.ts';

function staged(names = ['a', 'b', 'c']) {
  const stage = new Stage();
  for (const name of names) stage.beat(name);
  return stage;
}

const healthOf = (stage: Stage, name: string) =>
  clientsView(stage.workers.byId.values()).clients.find(({ node_id }) => node_id === name)!.health;

/** Gives tasks until this worker has one; the others do theirs. */
function taskFor(stage: Stage, name: string, more: object = {}) {
  for (let n = 0; n < 100; n++) {
    const task = stage.ask({ mayRetry: false, ...more });
    if (stage.last.to === name) return { task, call: stage.last };
    stage.answer();
  }
  throw new Error(`${name} is given nothing`);
}

function failTimes(stage: Stage, name: string, times: number): void {
  for (let n = 0; n < times; n++) stage.close(taskFor(stage, name).call);
}

/** Whether this worker gets one of the next twelve tasks. */
function isAsked(stage: Stage, name: string): boolean {
  const from = stage.calls.length;
  for (let n = 0; n < 12; n++) {
    stage.ask();
    stage.answer();
  }
  return stage.calls.slice(from).some(({ to }) => to === name);
}

describe('ejection', () => {
  test('comes with the third failed call in a row; an answer in between begins anew', () => {
    const stage = staged();
    failTimes(stage, 'a', 2);
    stage.answer(taskFor(stage, 'a').call);
    failTimes(stage, 'a', 2);
    expect(healthOf(stage, 'a')).toBe('healthy');
    expect(isAsked(stage, 'a')).toBeTrue();
    failTimes(stage, 'a', 3);
    expect(healthOf(stage, 'a')).toBe('ejected');
    expect(isAsked(stage, 'a')).toBeFalse();
    expect(stage.events.filter((event) => event.startsWith('worker_ejected'))).toEqual([
      'worker_ejected a r 5000',
    ]);
  });

  test('lasts 5 s, then one call tries; each trial that fails doubles it, up to 5 min', async () => {
    const stage = staged();
    failTimes(stage, 'a', 3);
    const pauses = [5, 10, 20, 40, 80, 160, 300, 300];
    for (const pauseS of pauses) {
      await stage.clock.run(pauseS * 1000 - 1);
      expect(isAsked(stage, 'a')).toBeFalse();
      await stage.clock.run(1);
      for (const name of ['a', 'b', 'c']) stage.beat(name);
      const trial = taskFor(stage, 'a').call;
      expect(isAsked(stage, 'a')).toBeFalse(); // one at a time
      stage.close(trial);
    }
    await stage.clock.run(300_000);
    for (const name of ['a', 'b', 'c']) stage.beat(name);
    stage.answer(taskFor(stage, 'a').call);
    expect(healthOf(stage, 'a')).toBe('healthy');
    expect(stage.events.at(-1)).toBe('worker_healthy a r');
    failTimes(stage, 'a', 3);
    expect(stage.events.at(-1)).toBe('worker_ejected a r 5000');
  });

  test('a trial whose caller goes away says nothing: the next task is the trial', async () => {
    const stage = staged();
    failTimes(stage, 'a', 3);
    await stage.clock.run(5_000);
    taskFor(stage, 'a').task.hangUp();
    expect(healthOf(stage, 'a')).toBe('ejected');
    stage.answer(taskFor(stage, 'a').call);
    expect(healthOf(stage, 'a')).toBe('healthy');
  });

  test('calls that were in hand when it was ejected do not make it longer; an answer ends it', async () => {
    const stage = staged();
    const held = [taskFor(stage, 'a'), taskFor(stage, 'a'), taskFor(stage, 'a')];
    failTimes(stage, 'a', 3);
    await stage.clock.run(1_000);
    stage.close(held[0]!.call);
    await stage.clock.run(4_000);
    const trial = taskFor(stage, 'a').call;
    stage.answer(held[1]!.call);
    expect(healthOf(stage, 'a')).toBe('healthy');
    // The trial decides nothing any more, and fails like any other call.
    stage.close(trial);
    expect(healthOf(stage, 'a')).toBe('healthy');
  });

  test('is suspended where more than half of a pool would be out, and only there', () => {
    const stage = new Stage({}, { x: 'world' });
    for (const name of ['a', 'b', 'c']) stage.beat(name, { region: 'x' });
    for (const name of ['d', 'e', 'f']) stage.beat(name, { region: 'y' });
    const fails = (name: string) => {
      for (let n = 0; n < 3; n++) stage.close(taskFor(stage, name, { region: 'x' }).call);
    };
    fails('a');
    expect(stage.workers.byId.get('a')!.health.isEjected).toBeTrue();
    const inX = () => {
      const from = stage.calls.length;
      for (let n = 0; n < 9; n++) {
        stage.ask({ region: 'x' });
        stage.answer();
      }
      return [...new Set(stage.calls.slice(from).map(({ to }) => to))].sort();
    };
    // One of three is out: the others serve. An answer of theirs does not bring it back.
    expect(inX()).toEqual(['b', 'c']);
    fails('b');
    expect(healthOf(stage, 'b')).toBe('ejected');
    stage.ask({ region: 'y' });
    expect(['d', 'e', 'f']).toContain(stage.last.to);
    expect(isAsked(stage, 'a')).toBeFalse();
    // Nobody is answered meanwhile, for one answer of theirs would end it.
    const from = stage.calls.length;
    for (let n = 0; n < 9; n++) stage.ask({ region: 'x' });
    const given = stage.calls.slice(from).map(({ to }) => to);
    expect([...new Set(given)].sort()).toEqual(['a', 'b', 'c']);
  });

  test('a worker alone in its pool is never out', () => {
    const stage = staged(['a']);
    failTimes(stage, 'a', 10);
    expect(isAsked(stage, 'a')).toBeTrue();
  });
});

describe('what counts as failed', () => {
  const deadlines: [string, number, number][] = [
    ['a deadline of 15 s that the worker let pass', 15_000, 3],
    ["a caller's own shorter deadline does not count", 14_000, 0],
  ];
  test.each(deadlines)('%s', async (_, timeoutMs, failures) => {
    const stage = staged();
    for (let n = 0; n < 3; n++) {
      taskFor(stage, 'a', { timeoutMs });
      await stage.clock.run(timeoutMs + 50);
    }
    expect(stage.workers.byId.get('a')!.health.failuresInRow).toBe(failures);
  });

  test('callers that hang up early cannot eject anybody, those that waited 15 s can', async () => {
    const stage = staged();
    for (let n = 0; n < 5; n++) {
      const { task } = taskFor(stage, 'a', { timeoutMs: 60_000 });
      await stage.clock.run(14_900);
      task.hangUp();
    }
    expect(healthOf(stage, 'a')).toBe('healthy');
    for (let n = 0; n < 3; n++) {
      const { task } = taskFor(stage, 'a', { timeoutMs: 60_000 });
      await stage.clock.run(15_000);
      task.hangUp();
    }
    expect(healthOf(stage, 'a')).toBe('ejected');
  });

  test('an answer of any status, however late, is none', async () => {
    const stage = staged();
    for (let n = 0; n < 3; n++) {
      const { call } = taskFor(stage, 'a', { timeoutMs: 60_000 });
      await stage.clock.run(50_000);
      call.events.answered({ status: 500, contentType: undefined, headers: [], body: '' });
      call.events.ended();
    }
    expect(healthOf(stage, 'a')).toBe('healthy');
  });

  test('an answer that stalls is one, but not where the caller takes no more', async () => {
    const stage = staged();
    for (const isHeldByCaller of [true, false]) {
      const { call } = taskFor(stage, 'a');
      stage.answer(call, new ReadableStream());
      call.isHeldByCaller = isHeldByCaller;
      await stage.clock.run(30_050);
      expect(call.isCancelled).toBe(!isHeldByCaller);
      await stage.clock.run(100_000);
      stage.beat('a');
      await stage.clock.run(110_000);
      expect(call.isCancelled).toBeTrue();
      expect(stage.workers.byId.get('a')!.health.failuresInRow).toBe(isHeldByCaller ? 0 : 1);
    }
  });

  test('an answer that stalls behind a caller that held it is ended in answer_timeout', async () => {
    const stage = staged();
    const { call } = taskFor(stage, 'a');
    call.isHeldByCaller = true;
    stage.answer(call, new ReadableStream());
    await stage.clock.run(40_000);
    call.isHeldByCaller = false;
    call.events.moved();
    await stage.clock.run(60_050);
    expect(call.isCancelled).toBeTrue();
    expect(stage.workers.byId.get('a')!.health.failuresInRow).toBe(1);
  });

  test('an answer that breaks off is one', () => {
    const stage = staged();
    const { call } = taskFor(stage, 'a');
    stage.answer(call, new ReadableStream());
    call.events.failed({ kind: 'broken' });
    expect(stage.workers.byId.get('a')!.health.failuresInRow).toBe(1);
  });
});

describe('heartbeats', () => {
  test('without one for gone_after a worker is gone, then forgotten; one brings it back', async () => {
    const stage = staged(['a', 'b']);
    await stage.clock.run(179_000);
    stage.beat('b');
    expect(isAsked(stage, 'a')).toBeTrue();
    await stage.clock.run(2_000);
    expect(healthOf(stage, 'a')).toBe('gone');
    expect(isAsked(stage, 'a')).toBeFalse();
    expect(statusView(stage.workers.byId.values(), true, 0)).toMatchObject({
      clients: 2,
      regions: { r: { clients: 2, active: 1 } },
    });
    stage.beat('a');
    expect(healthOf(stage, 'a')).toBe('healthy');
    expect(isAsked(stage, 'a')).toBeTrue();
    await stage.clock.run(601_000);
    expect(stage.workers.byId.size).toBe(0);
    stage.ask();
    expect(stage.told.at(-1)).toBe('No healthy worker with room.');
  });

  test('from the same address keeps health, figures and tasks; from another one replaces', async () => {
    const stage = staged();
    failTimes(stage, 'a', 3);
    const held = stage.workers.byId.get('a')!;
    stage.beat('a', { weight: 7, concurrencyMax: 2 });
    expect(stage.workers.byId.get('a')).toBe(held);
    expect(held).toMatchObject({ weight: 7, concurrencyMax: 2, health: { isEjected: true } });
    stage.beat('a', {}, 'elsewhere:3000');
    expect(stage.workers.byId.get('a')).not.toBe(held);
    expect(healthOf(stage, 'a')).toBe('healthy');
    await stage.clock.run(1);
    expect(stage.events.slice(-3)).toEqual([
      'worker_left a r replaced',
      'worker_joined a r http',
      'link of a replaced',
    ]);
  });

  test('of one too many is refused, of a known one is not', () => {
    const stage = new Stage({ workersMax: 2 });
    expect([stage.beat('a'), stage.beat('b'), stage.beat('c')].map((one) => one?.nodeId)).toEqual([
      'a',
      'b',
      undefined,
    ]);
    expect(stage.beat('b', {}, 'other:1')?.nodeId).toBe('b');
  });
});

describe('checks', () => {
  function checked(stage: Stage, isWell: (worker: Worker) => boolean) {
    const asked: string[] = [];
    const ask = async (worker: Worker) => {
      asked.push(worker.nodeId);
      return isWell(worker);
    };
    const checks = new Checks({ clock: stage.clock, workers: stage.workers, ask }, 10_000);
    checks.begin();
    return { asked, checks };
  }

  test('two that fail take a worker out, two that succeed bring it back, no trial in between', async () => {
    const stage = staged();
    let isWell = false;
    const { asked } = checked(stage, ({ nodeId }) => nodeId !== 'a' || isWell);
    await stage.clock.run(2_000);
    expect(asked.sort()).toEqual(['a', 'b', 'c']);
    expect(healthOf(stage, 'a')).toBe('healthy');
    await stage.clock.run(10_000);
    expect(healthOf(stage, 'a')).toBe('ejected');
    expect(isAsked(stage, 'a')).toBeFalse();
    isWell = true;
    await stage.clock.run(10_000);
    expect(healthOf(stage, 'a')).toBe('ejected');
    await stage.clock.run(11_000);
    expect(healthOf(stage, 'a')).toBe('healthy');
    expect(isAsked(stage, 'a')).toBeTrue();
  });

  test('one that fails between two that succeed changes nothing', async () => {
    const stage = staged();
    let n = 0;
    checked(stage, ({ nodeId }) => nodeId !== 'a' || (n += 1) % 2 === 0);
    await stage.clock.run(100_000);
    expect(n).toBeGreaterThan(6);
    expect(stage.events.filter((event) => event.startsWith('worker_ejected'))).toEqual([]);
  });

  test('go on no more after the end, and at most 64 are under way', async () => {
    const stage = staged(Array.from({ length: 100 }, (_, n) => `w${n}`));
    const asked: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const ask = async ({ nodeId }: Worker) => {
      asked.push(nodeId);
      await gate;
      return true;
    };
    const checks = new Checks({ clock: stage.clock, workers: stage.workers, ask }, 60_000);
    checks.begin();
    await stage.clock.run(5_000);
    expect(asked).toHaveLength(64);
    release();
    await stage.clock.run(5_000);
    expect(new Set(asked).size).toBe(100);
    checks.end();
    await stage.clock.run(100_000);
    expect(asked).toHaveLength(100);
  });
});
