import { expect, test } from 'bun:test';
import { relayShown } from '../../src/relay/shown.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RingStore } from '../../src/store/store.ts';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { Stage } from './stage.ts';

const dropper = ({ relay, clock }: Stage) => {
  const [action] = relayShown(relay, clock).actions!;
  return (channel = '100') => action!.act({ channel }, undefined) as Promise<any>;
};

/** What a promise has come to so far. */
function watch<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (outcome.value = value),
    (error) => (outcome.error = error),
  );
  return outcome;
}

test('what waits in both directions is dropped, of that channel only', async () => {
  const stage = await new Stage().begin();
  const drop = dropper(stage);
  const robot = stage.bot();
  robot.say(botMessage('b1'), botMessage('b2'), botMessage('other', 'other', { id: 'A' }));
  await stage.pass();
  robot.close(1000);
  const mod = stage.mod('srv', 'B');
  mod.say(modMessage('m1'));
  await stage.pass();
  expect(await drop()).toEqual({ dropped: 3 });
  expect([await stage.stored('relay/mods/100'), await stage.stored('relay/bot/100')]).toEqual([
    [],
    [],
  ]);
  expect(await stage.stored('relay/mods/A')).toEqual(['other']);
  expect(stage.mod().contents).toEqual([]);
  expect(await drop()).toBeUndefined();
  expect(await drop('nobody')).toBeUndefined();
});

test('it is answered when the store has let go of it, and not before', async () => {
  const inner = memoryStore();
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const slow: RingStore = {
    ...inner.rings,
    drop: (ring, positions) => gate.then(() => inner.rings.drop(ring, positions)),
  };
  const stage = await new Stage({}, slow).begin();
  stage.mod().say(modMessage('1'));
  await stage.pass();
  const outcome = watch(dropper(stage)());
  await stage.pass(100);
  expect(outcome).toEqual({});
  expect(stage.bot().contents).toEqual([]);
  release();
  await stage.pass();
  expect(outcome).toEqual({ value: { dropped: 1 } });
  expect(await inner.rings.read('relay/bot/100', 0, 1000)).toEqual([]);
});

test('when the store refuses it is an error, and is done all the same when that is well again', async () => {
  const inner = memoryStore();
  let isWell = false;
  const sick: RingStore = {
    ...inner.rings,
    drop: (ring, positions) =>
      isWell ? inner.rings.drop(ring, positions) : Promise.reject(new Error('full')),
  };
  const stage = await new Stage({}, sick).begin();
  stage.mod().say(modMessage('1'));
  await stage.pass();
  const drop = dropper(stage);
  await expect(drop()).rejects.toThrow();
  // Nothing waits any more, but that would not survive a crash: no word of success yet.
  await expect(drop()).rejects.toThrow();
  isWell = true;
  expect(await drop()).toBeUndefined();
  expect(await inner.rings.read('relay/bot/100', 0, 1000)).toEqual([]);
});

test('a message that is still being committed is not dropped, for it is promised afterwards', async () => {
  const inner = memoryStore();
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const slow: RingStore = {
    ...inner.rings,
    put: (ring, rows, rowsMax) => gate.then(() => inner.rings.put(ring, rows, rowsMax)),
  };
  const stage = await new Stage({}, slow).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  expect(await dropper(stage)()).toBeUndefined();
  release();
  await stage.pass();
  expect(mod.statuses).toEqual(['connected', 'queued']);
  const robot = stage.bot();
  await stage.pass();
  expect(robot.contents).toEqual(['1']);
});

test('a member that is behind gets none of it when it has read on, and all that comes later', async () => {
  const stage = await new Stage().begin();
  const [mod, robot] = [stage.mod(), stage.bot()];
  await stage.pass();
  robot.say(botMessage('live'));
  mod.buffered = 500;
  stage.relay.drained(mod.seat);
  robot.say(botMessage('w1'), botMessage('w2'));
  await stage.pass();
  expect(await dropper(stage)()).toEqual({ dropped: 2 });
  robot.say(botMessage('w3'));
  await stage.pass();
  mod.buffered = 0;
  stage.relay.drained(mod.seat);
  await stage.pass(10);
  expect(mod.contents).toEqual(['live', 'w3']);
  robot.say(botMessage('then'));
  expect(mod.contents).toEqual(['live', 'w3', 'then']);
  mod.pong();
  await stage.pass(1000);
  mod.pong();
  await stage.pass();
  expect(await stage.stored('relay/mods/100')).toEqual([]);
});

test('what was dropped in the middle of a flush does not come again by its receipt or its end', async () => {
  const stage = await new Stage({ slowBytes: 10_000 }).begin();
  stage.bot().say(botMessage('1'), botMessage('2'));
  await stage.pass();
  const first = stage.mod('s1');
  await stage.pass();
  expect(first.contents).toEqual(['1', '2']);
  expect(await dropper(stage)()).toEqual({ dropped: 2 });
  first.close(1006);
  const second = stage.mod('s2');
  await stage.pass(1000);
  expect(second.contents).toEqual([]);
});
