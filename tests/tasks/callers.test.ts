import { expect, test } from 'bun:test';
import { Callers } from '../../src/tasks/callers.ts';
import type { Outcome } from '../../src/tasks/dispatcher.ts';
import { SimClock } from '../sim/clock.ts';

/** How long after it began a caller who hung up at once is noticed. */
const lateMs = 120;

function answered(body: string | ReadableStream): Outcome {
  const answer = { status: 200, contentType: undefined, headers: [], body };
  return { taskId: 't1', attempts: 1, worker: {} as never, answer };
}

/** A caller whose task is begun, and what was done to its connection. */
function stage() {
  const clock = new SimClock();
  const silences: number[] = [];
  const callers = new Callers({ clock, bearSilence: (_, seconds) => silences.push(seconds) });
  const leaving = new AbortController();
  let looks = 0;
  const request = {
    get signal() {
      looks += 1;
      return leaving.signal;
    },
  } as Request;
  let hangUps = 0;
  let settle: (outcome: Outcome) => void;
  const outcome = callers.wait(request, (given) => {
    settle = given;
    return { hangUp: () => void (hangUps += 1) };
  });
  return {
    clock,
    silences,
    outcome,
    settle: (with_: Outcome) => settle(with_),
    leave: () => leaving.abort(),
    looks: () => looks,
    hangUps: () => hangUps,
  };
}

test('a task that is done at once is not looked at', async () => {
  const { clock, outcome, settle, silences, looks } = stage();
  await clock.run(10);
  settle(answered('done'));
  expect(await outcome).toEqual(answered('done'));
  await clock.run(1_000);
  expect([silences, looks()]).toEqual([[], 0]);
});

test('also where it is refused before it began', async () => {
  const clock = new SimClock();
  const callers = new Callers({ clock, bearSilence: () => expect.unreachable() });
  const outcome = await callers.wait({} as Request, (settle) => {
    settle(answered('refused'));
    return { hangUp() {} };
  });
  expect(outcome).toEqual(answered('refused'));
  await clock.run(1_000);
});

test('who waits for longer is borne without a byte until the answer, then as any other', async () => {
  const { clock, outcome, settle, silences } = stage();
  await clock.run(600_000);
  expect(silences).toEqual([0]);
  settle(answered('done'));
  await outcome;
  expect(silences).toEqual([0, 10]);
});

test('who hangs up while waiting is noticed', async () => {
  const { clock, leave, hangUps } = stage();
  await clock.run(500);
  expect(hangUps()).toBe(0);
  leave();
  expect(hangUps()).toBe(1);
});

test('who hung up before anybody looked is noticed soon', async () => {
  const { clock, leave, hangUps } = stage();
  leave();
  await clock.run(lateMs);
  expect(hangUps()).toBe(1);
  await clock.run(10_000);
  expect(hangUps()).toBe(1);
});

test('who is given a stream may be slow in taking it, and is watched to its end', async () => {
  const { clock, outcome, settle, silences, leave, hangUps } = stage();
  await clock.run(1);
  settle(answered(new ReadableStream()));
  await outcome;
  expect(silences).toEqual([255]);
  leave();
  expect(hangUps()).toBe(1);
});
