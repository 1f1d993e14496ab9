import { expect, test } from 'bun:test';
import { type Actor, Stage } from './stage.ts';

const ask = (who: Actor, targetUserId: string) => who.say({ type: 'connect', targetUserId });
const accept = (who: Actor, targetUserId: string) =>
  who.say({ type: 'connect_accept', targetUserId });
const reject = (who: Actor, targetUserId: string) =>
  who.say({ type: 'connect_reject', targetUserId });

function linked(one: Actor, other: Actor): void {
  ask(one, other.seat.userId);
  accept(other, one.seat.userId);
  one.got = [];
  other.got = [];
}

test('a request reaches its target, and when it accepts both ends are told', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.got = [];
  ask(ann, 'bob');
  expect(ann.got).toEqual([]);
  expect(bob.got).toEqual([{ type: 'connect_request', fromUserId: 'ann' }]);
  accept(bob, 'ann');
  expect(bob.got.at(-1)).toEqual({ type: 'connect_accepted', withUserId: 'ann' });
  expect(ann.got).toEqual([{ type: 'connect_accepted', withUserId: 'bob' }]);
  ann.say({ type: 'disconnect' });
  expect(bob.got.at(-1)).toEqual({ type: 'disconnected', userId: 'ann' });
});

test('a rejected request makes no link, and neither does one that is never answered', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ask(ann, 'bob');
  reject(bob, 'ann');
  expect(ann.got.at(-1)).toEqual({ type: 'connect_rejected', withUserId: 'bob' });
  accept(bob, 'ann');
  expect(bob.errors).toEqual([404]);
  ask(ann, 'bob');
  ann.say({ type: 'disconnect' });
  bob.say({ type: 'disconnect' });
  expect([...ann.of('disconnected'), ...bob.of('disconnected')]).toEqual([]);
});

test('two who ask each other are linked, each told once', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ask(ann, 'bob');
  ask(bob, 'ann');
  expect(ann.of('connect_accepted')).toEqual([{ type: 'connect_accepted', withUserId: 'bob' }]);
  expect(bob.of('connect_accepted')).toEqual([{ type: 'connect_accepted', withUserId: 'ann' }]);
  expect(ann.of('connect_request')).toEqual([]);
});

test("a player of today's plugin is accepted for, since it knows no requests", async () => {
  const stage = await new Stage().begin();
  const [ann, old] = [stage.enter('ann'), stage.enter('old', 1)];
  ask(ann, 'old');
  expect(ann.of('connect_accepted')).toHaveLength(1);
  expect(old.of('connect_accepted')).toEqual([{ type: 'connect_accepted', withUserId: 'ann' }]);
  expect(old.of('connect_request')).toEqual([]);
});

test('asking again for a link that is there is accepted at once', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  linked(ann, bob);
  ask(ann, 'bob');
  expect(ann.got).toEqual([{ type: 'connect_accepted', withUserId: 'bob' }]);
  expect(bob.of('connect_request')).toEqual([]);
});

test('nobody is linked with itself or with somebody who is not there', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  ask(ann, 'ann');
  ask(ann, 'nobody');
  expect(ann.errors).toEqual([400, 404]);
});

test('a link survives a reconnect within the grace', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  linked(ann, bob);
  ann.close();
  await stage.pass(29_999);
  const again = stage.enter('ann');
  await stage.pass(120_000);
  expect(bob.of('disconnected')).toEqual([]);
  again.say({ type: 'disconnect' });
  expect(bob.of('disconnected')).toHaveLength(1);
});

test('past the grace every linked player is told once', async () => {
  const stage = await new Stage().begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  linked(ann, bob);
  linked(ann, cem);
  ann.close();
  await stage.pass(29_999);
  expect(bob.of('disconnected')).toEqual([]);
  await stage.pass(1);
  for (const other of [bob, cem])
    expect(other.of('disconnected')).toEqual([{ type: 'disconnected', userId: 'ann' }]);
  stage.enter('ann').close();
  await stage.pass(60_000);
  expect(bob.of('disconnected')).toHaveLength(1);
});

test('every reconnect begins the grace anew', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  linked(ann, bob);
  ann.close();
  await stage.pass(20_000);
  stage.enter('ann').close();
  await stage.pass(29_000);
  expect(bob.of('disconnected')).toEqual([]);
  await stage.pass(1_000);
  expect(bob.of('disconnected')).toHaveLength(1);
});

test('a player whose link ended while it was away is told when it comes back', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  linked(ann, bob);
  bob.close();
  ann.say({ type: 'disconnect' });
  expect(stage.enter('bob').got).toEqual([{ type: 'disconnected', userId: 'ann' }]);
  expect(stage.enter('bob').of('disconnected')).toEqual([]);
});

test('a player who was forgotten is not told of links it no longer knows', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  linked(ann, bob);
  bob.close();
  ann.say({ type: 'disconnect' });
  await stage.pass(30_000);
  expect(stage.enter('bob').got).toEqual([]);
});

test('who asked is asked no more once it is forgotten', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ask(ann, 'bob');
  ann.close();
  await stage.pass(30_000);
  stage.enter('ann');
  accept(bob, 'ann');
  expect(bob.errors).toEqual([404]);
});

test('a yes to somebody who is away for a moment may be said again', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ask(ann, 'bob');
  ann.close();
  accept(bob, 'ann');
  expect(bob.errors).toEqual([404]);
  const again = stage.enter('ann');
  accept(bob, 'ann');
  expect(again.of('connect_accepted')).toHaveLength(1);
});

test('neither end of a link has more links than may be, whoever asked', async () => {
  const stage = await new Stage({ linksMax: 1 }).begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  ask(ann, 'bob');
  ask(ann, 'cem');
  accept(bob, 'ann');
  accept(cem, 'ann');
  ask(cem, 'bob');
  expect(cem.errors).toEqual([429, 429]);
  ann.say({ type: 'disconnect' });
  expect([bob.of('disconnected').length, cem.of('disconnected').length]).toEqual([1, 0]);
});

test('as many may ask one player as may be linked with it, and that stops nobody else', async () => {
  const stage = await new Stage({ linksMax: 1 }).begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  ask(ann, 'bob');
  ask(ann, 'bob');
  ask(cem, 'bob');
  expect([ann.errors, cem.errors]).toEqual([[], [429]]);
  expect(bob.of('connect_request')).toHaveLength(2);
  ask(bob, 'cem');
  expect(cem.of('connect_request')).toHaveLength(1);
});
