import { describe, expect, test } from 'bun:test';
import { Stage } from './stage.ts';

const names = ['a', 'b', 'c', 'd', 'e'];

function staged(limits = {}) {
  const stage = new Stage(limits);
  for (const name of names) stage.beat(name);
  return stage;
}

describe('another worker', () => {
  test('is tried when one says nothing, never one twice, and so many times as configured', () => {
    const stage = staged({ retryCount: 3 });
    stage.ask();
    for (let n = 0; n < 4; n++) {
      expect(stage.calls).toHaveLength(n + 1);
      expect(stage.last.attempt).toBe(n + 1);
      stage.close();
    }
    expect(new Set(stage.calls.map(({ to }) => to)).size).toBe(4);
    expect(stage.outcomes).toMatchObject([{ attempts: 4, refusal: { code: 502 } }]);
    expect(stage.dispatcher.inFlight).toBe(0);
  });

  test('is not tried when the caller forbids it', () => {
    const stage = staged();
    stage.ask({ mayRetry: false });
    stage.close();
    expect(stage.outcomes).toMatchObject([{ attempts: 1, refusal: { code: 502 } }]);
  });

  test('is not tried once the worker began to answer, or said something that is no answer', () => {
    const stage = staged();
    stage.ask();
    stage.last.events.failed({ kind: 'garbled', detail: 'status 99' });
    stage.ask();
    stage.answer(stage.last, new ReadableStream());
    stage.last.events.moved();
    stage.last.events.failed({ kind: 'broken' });
    expect(stage.calls).toHaveLength(2);
    expect(stage.outcomes).toMatchObject([
      {
        refusal: { message: 'The worker answered something that is no answer.' },
        detail: 'status 99',
      },
      { answer: { status: 200 } },
    ]);
    expect(stage.dispatcher.inFlight).toBe(0);
  });

  test('is not tried for a worker that was merely slow: the deadline is one for all tries', async () => {
    const stage = staged();
    stage.ask({ timeoutMs: 10_000 });
    await stage.clock.run(9_000);
    stage.close();
    expect(stage.calls).toHaveLength(2);
    await stage.clock.run(999);
    expect(stage.outcomes).toEqual([]);
    await stage.clock.run(30);
    expect(stage.outcomes).toMatchObject([{ attempts: 2, refusal: { code: 504 } }]);
    expect(stage.calls[1]!.isCancelled).toBeTrue();
    expect(stage.calls[1]!.deadlineWallMs).toBe(stage.calls[0]!.deadlineWallMs);
    expect(stage.calls).toHaveLength(2);
  });

  test('is none under another name at the same address, nor the same name elsewhere', async () => {
    const stage = new Stage();
    stage.beat('a', {}, 'same:3000');
    stage.beat('b', {}, 'same:3000');
    stage.ask();
    stage.close();
    expect(stage.told).toEqual(['Every worker that was tried failed.']);
    stage.ask();
    const { to } = stage.last;
    stage.beat(to, {}, 'moved:3000');
    stage.workers.leave(stage.workers.byId.get(to === 'a' ? 'b' : 'a')!, 'test');
    stage.close();
    expect(stage.told).toHaveLength(2);
  });
});

describe('the caller', () => {
  test('hangs up: the call is cancelled, and nothing is said to anybody', () => {
    const stage = staged();
    const task = stage.ask();
    task.hangUp();
    expect(stage.last.isCancelled).toBeTrue();
    expect(stage.outcomes).toEqual([]);
    expect(stage.dispatcher.inFlight).toBe(0);
    expect([...stage.workers.byId.values()].every(({ inFlight }) => inFlight === 0)).toBeTrue();
    task.hangUp();
  });

  test('hangs up after its answer began: the rest is cancelled', () => {
    const stage = staged();
    const task = stage.ask();
    stage.answer(stage.last, new ReadableStream());
    task.hangUp();
    expect(stage.last.isCancelled).toBeTrue();
    expect(stage.dispatcher.inFlight).toBe(0);
  });

  test('is told at once when nobody is there, and when there are too many tasks', () => {
    const stage = staged({ tasksMax: 1 });
    stage.ask();
    stage.ask();
    expect(stage.outcomes).toMatchObject([
      { attempts: 0, refusal: { message: 'Too many tasks in flight (tasks_max).' } },
    ]);
    const empty = new Stage();
    empty.ask();
    expect(empty.outcomes).toMatchObject([{ attempts: 0, refusal: { code: 503 } }]);
  });
});

describe('an answer that pauses', () => {
  test('for the whole answer_timeout is ended; bytes in between extend it', async () => {
    const stage = staged();
    stage.ask({ timeoutMs: 1_000 });
    stage.answer(stage.last, new ReadableStream());
    await stage.clock.run(29_000);
    stage.last.events.moved();
    await stage.clock.run(29_000);
    expect(stage.last.isCancelled).toBeFalse();
    await stage.clock.run(1_100);
    expect(stage.last.isCancelled).toBeTrue();
    expect(stage.dispatcher.inFlight).toBe(0);
    expect(stage.outcomes).toHaveLength(1);
  });
});

describe('a stop', () => {
  test('waits for what is in hand, refuses what comes, and ends when all is done', async () => {
    const stage = staged();
    stage.ask();
    let isDrained = false;
    void stage.dispatcher.drain(5_000).then(() => (isDrained = true));
    stage.ask();
    expect(stage.told).toEqual(['The server is stopping.']);
    await stage.clock.run(1_000);
    expect(isDrained).toBeFalse();
    stage.answer();
    await stage.clock.run(1);
    expect(isDrained).toBeTrue();
    expect(stage.told).toEqual(['The server is stopping.', 'done']);
  });

  test('cuts off what is not done in time, and says so', async () => {
    const stage = staged();
    stage.ask({ timeoutMs: 60_000 });
    void stage.dispatcher.drain(5_000);
    await stage.clock.run(5_001);
    expect(stage.told).toEqual(['The server is stopping.']);
    expect(stage.last.isCancelled).toBeTrue();
  });
});
