import { expect, test } from 'bun:test';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { dropper, gated, shows, storedIn, watch } from './dropping.ts';
import { Stage } from './stage.ts';

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

test('it is answered when the store has let go of it; until then it waits and may arrive once', async () => {
  const { rings, gate } = gated('drop');
  const stage = await new Stage({}, rings).begin();
  stage.mod().say(modMessage('1'), modMessage('2'));
  await stage.pass();
  const outcome = watch(dropper(stage)());
  await stage.pass(100);
  expect(outcome).toEqual({});
  expect(shows(stage)).toEqual({ waiting: 2, dropped: 0 });
  const first = stage.bot('first');
  await stage.pass();
  expect(first.contents).toEqual(['1', '2']);
  gate.resolve();
  await stage.pass();
  expect(outcome).toEqual({ value: { dropped: 2 } });
  expect(shows(stage)).toEqual({ waiting: 0, dropped: 2 });
  expect(await storedIn(rings)).toEqual([]);
  first.close(1006);
  const second = stage.bot('second');
  await stage.pass(10_000);
  expect(second.contents).toEqual([]);
});

test('what was received while the store was letting go of it does not count as dropped', async () => {
  const { rings, gate } = gated('drop');
  const stage = await new Stage({}, rings).begin();
  stage.mod().say(modMessage('1'), modMessage('2'));
  await stage.pass();
  const outcome = watch(dropper(stage)());
  const robot = stage.bot();
  await stage.pass();
  robot.pong();
  gate.resolve();
  await stage.pass();
  expect(outcome).toEqual({ value: undefined });
  expect(shows(stage)).toEqual({ waiting: 0, dropped: 0 });
});

test('a message that is still being committed is not dropped, for it is promised afterwards', async () => {
  const { rings, gate } = gated('put');
  const stage = await new Stage({}, rings).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  expect(await dropper(stage)()).toBeUndefined();
  gate.resolve();
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
