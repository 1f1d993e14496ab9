import { expect, test } from 'bun:test';
import { memoryStore } from '../../src/store/memory.ts';
import type { RingStore } from '../../src/store/store.ts';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { type Drop, dropper, gated, shows, sickly, storedIn, watch } from './dropping.ts';
import { Stage } from './stage.ts';

test('when the store refuses nothing has changed, and it is not tried again until it is asked for', async () => {
  const { rings, sick } = sickly();
  const stage = await new Stage({}, rings).begin();
  stage.mod().say(modMessage('1'), modMessage('2'));
  await stage.pass();
  const drop = dropper(stage);
  await expect(drop()).rejects.toThrow();
  await expect(drop()).rejects.toThrow();
  expect(shows(stage)).toEqual({ waiting: 2, dropped: 0 });
  sick.isWell = true;
  await stage.pass(60_000);
  expect(await storedIn(rings)).toEqual(['1', '2']);
  expect(await drop()).toEqual({ dropped: 2 });
  expect(await storedIn(rings)).toEqual([]);
  expect(shows(stage)).toEqual({ waiting: 0, dropped: 2 });
});

test('what came and went while the store was refusing is in order, each once', async () => {
  const { rings, sick } = sickly();
  const gate = Promise.withResolvers<void>();
  const slow = { ...rings, drop: (...args: Drop) => gate.promise.then(() => rings.drop(...args)) };
  const stage = await new Stage({ queueMax: 3, slowBytes: 10_000 }, slow).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'), modMessage('2'), modMessage('3'));
  await stage.pass();
  const outcome = watch(dropper(stage)());
  mod.say(modMessage('4'));
  await stage.pass();
  const first = stage.bot('first');
  await stage.pass();
  expect(first.contents).toEqual(['2', '3', '4']);
  gate.resolve();
  await stage.pass();
  expect(outcome.error).toBeInstanceOf(Error);
  // It had them, and confirmed none.
  first.close(1006);
  sick.isWell = true;
  const second = stage.bot('second');
  await stage.pass(1000);
  expect(second.contents).toEqual(['2', '3', '4']);
  second.pong();
  await stage.pass();
  expect(await storedIn(rings)).toEqual([]);
});

test('what the store never got is not put into it after it was dropped', async () => {
  const { rings } = memoryStore();
  const gate = Promise.withResolvers<void>();
  let isFull = false;
  const full: RingStore = {
    ...rings,
    drop: (...args) => rings.drop(...args).then(() => gate.promise),
    put: (...args) => (isFull ? Promise.reject(new Error('full')) : rings.put(...args)),
  };
  const stage = await new Stage({}, full).begin();
  const robot = stage.bot();
  stage.mod().say(modMessage('live'));
  isFull = true;
  robot.close(1006);
  await stage.pass();
  expect(shows(stage)).toEqual({ waiting: 1, dropped: 0 });
  const outcome = watch(dropper(stage)());
  isFull = false;
  await stage.pass(5000);
  gate.resolve();
  await stage.pass(5000);
  expect(outcome).toEqual({ value: { dropped: 1 } });
  expect(await storedIn(rings)).toEqual([]);
  const next = stage.bot('next');
  await stage.pass();
  expect(next.contents).toEqual([]);
});

test('what came while a drop was under way and could not be put is put when that is over', async () => {
  const { rings, gate } = gated('drop');
  let isFull = false;
  const full: RingStore = {
    ...rings,
    put: (...args) => (isFull ? Promise.reject(new Error('full')) : rings.put(...args)),
  };
  const stage = await new Stage({}, full).begin();
  const mod = stage.mod();
  mod.say(modMessage('old'));
  await stage.pass();
  const outcome = watch(dropper(stage)());
  const robot = stage.bot();
  await stage.pass();
  mod.say(modMessage('live'));
  isFull = true;
  robot.close(1006);
  await stage.pass();
  isFull = false;
  await stage.pass(5000);
  gate.resolve();
  await stage.pass(5000);
  expect(outcome).toEqual({ value: { dropped: 1 } });
  expect(await storedIn(rings)).toEqual(['live']);
});

test('what the store never got is put into it all the same when dropping it was refused', async () => {
  const { rings, sick } = sickly();
  let isFull = true;
  const full: RingStore = {
    ...rings,
    put: (...args) => (isFull ? Promise.reject(new Error('full')) : rings.put(...args)),
  };
  const stage = await new Stage({}, full).begin();
  const robot = stage.bot();
  stage.mod().say(modMessage('live'));
  robot.close(1006);
  await stage.pass();
  await expect(dropper(stage)()).rejects.toThrow();
  isFull = false;
  await stage.pass(5000);
  expect(await storedIn(rings)).toEqual(['live']);
  sick.isWell = true;
  expect(await dropper(stage)()).toEqual({ dropped: 1 });
});

test('a member that is behind gets all of it when it has read on, if the store refused', async () => {
  const { rings } = sickly();
  const stage = await new Stage({}, rings).begin();
  const [mod, robot] = [stage.mod(), stage.bot()];
  await stage.pass();
  mod.buffered = 500;
  stage.relay.drained(mod.seat);
  robot.say(botMessage('w1'), botMessage('w2'));
  await stage.pass();
  await expect(dropper(stage)()).rejects.toThrow();
  robot.say(botMessage('w3'));
  await stage.pass();
  mod.buffered = 0;
  stage.relay.drained(mod.seat);
  await stage.pass(1000);
  expect(mod.contents).toEqual(['w1', 'w2', 'w3']);
});

test('one that is present gets what is held for it, if the store refused', async () => {
  const { rings } = sickly();
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  const slow: RingStore = {
    ...rings,
    read: (...args) =>
      reads++ === 0 ? gate.promise.then(() => rings.read(...args)) : rings.read(...args),
  };
  const stage = await new Stage({}, slow).begin();
  const [before, robot] = [stage.mod('s1'), stage.bot()];
  await stage.pass();
  before.buffered = 500;
  stage.relay.drained(before.seat);
  robot.say(botMessage('w1'));
  await stage.pass();
  // It waits for the text of the first, and the second is held for it.
  const newcomer = stage.mod('s2');
  robot.say(botMessage('w2'));
  await stage.pass();
  before.buffered = 0;
  stage.relay.drained(before.seat);
  await stage.pass();
  expect(before.contents).toEqual(['w1', 'w2']);
  await expect(dropper(stage)()).rejects.toThrow();
  gate.resolve();
  await stage.pass();
  expect(newcomer.contents).toEqual(['w2']);
});

test('what the store was to let go of before goes with it, or it is no success', async () => {
  const { rings, sick } = sickly();
  const stage = await new Stage({}, rings).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  await stage.pass();
  const robot = stage.bot();
  await stage.pass();
  robot.pong();
  robot.close(1000);
  await stage.pass();
  expect(shows(stage)).toEqual({ waiting: 0, dropped: 0 });
  await expect(dropper(stage)()).rejects.toThrow();
  mod.say(modMessage('2'));
  await stage.pass();
  sick.isWell = true;
  expect(await dropper(stage)()).toEqual({ dropped: 1 });
  expect(await storedIn(rings)).toEqual([]);
});

test('what one side could not drop waits for the next try, and the other side is told', async () => {
  const { rings } = memoryStore();
  let isSick = true;
  const half: RingStore = {
    ...rings,
    drop: (ring, positions) =>
      isSick && ring.startsWith('relay/mods/')
        ? Promise.reject(new Error('full'))
        : rings.drop(ring, positions),
  };
  const stage = await new Stage({}, half).begin();
  const bot = stage.bot();
  bot.say(botMessage('b'));
  await stage.pass();
  bot.close(1000);
  stage.mod().say(modMessage('1'), modMessage('2'));
  await stage.pass();
  const drop = dropper(stage);
  expect(await drop()).toEqual({ dropped: 2 });
  await expect(drop()).rejects.toThrow('did not let go');
  isSick = false;
  expect(await drop()).toEqual({ dropped: 1 });
  expect(await drop()).toBeUndefined();
});
