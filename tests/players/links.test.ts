import { expect, spyOn, test } from 'bun:test';
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
  ask(cem, 'ann');
  accept(bob, 'ann');
  accept(ann, 'cem');
  ask(cem, 'bob');
  expect([ann.errors, cem.errors]).toEqual([[429], [429]]);
  ann.say({ type: 'disconnect' });
  expect([bob.of('disconnected').length, cem.of('disconnected').length]).toEqual([1, 0]);
});

test('a yes that a bound refused may be said again when there is room', async () => {
  const stage = await new Stage({ linksMax: 1 }).begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  ask(ann, 'bob');
  linked(cem, ann);
  accept(bob, 'ann');
  expect(bob.errors).toEqual([429]);
  cem.say({ type: 'disconnect' });
  accept(bob, 'ann');
  expect(ann.of('connect_accepted')).toEqual([{ type: 'connect_accepted', withUserId: 'bob' }]);
});

test('as many may ask one player as may be linked with it, and that stops nobody else', async () => {
  const stage = await new Stage({ linksMax: 1 }).begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  ask(ann, 'bob');
  ask(ann, 'bob');
  ask(cem, 'bob');
  expect([ann.errors, cem.errors]).toEqual([[], [429]]);
  ask(bob, 'cem');
  expect(cem.of('connect_request')).toHaveLength(1);
});

test('one player may ask as many as it may be linked with', async () => {
  const stage = await new Stage({ linksMax: 2 }).begin();
  const [ann, bob, cem, dan] = ['ann', 'bob', 'cem', 'dan'].map((name) => stage.enter(name));
  for (const name of ['bob', 'cem', 'dan']) ask(ann!, name);
  expect(ann!.errors).toEqual([429]);
  expect(dan!.of('connect_request')).toEqual([]);
  reject(bob!, 'ann');
  ask(ann!, 'dan');
  ann!.say({ type: 'disconnect' });
  for (const one of [cem!, dan!]) accept(one, 'ann');
  expect([cem!.errors, dan!.errors]).toEqual([[404], [404]]);
  for (const name of ['bob', 'cem']) ask(ann!, name);
  expect(ann!.errors).toEqual([429]);
});

test('asking again changes nothing until it is answered', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  for (let n = 0; n < 5; n++) ask(ann, 'bob');
  expect(bob.of('connect_request')).toHaveLength(1);
  expect(ann.of('error')).toEqual([]);
  reject(bob, 'ann');
  ask(ann, 'bob');
  expect(bob.of('connect_request')).toHaveLength(2);
});

test('a player who comes back is asked again what it has not answered', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ask(ann, 'bob');
  bob.close();
  const again = stage.enter('bob');
  expect(again.got).toEqual([{ type: 'connect_request', fromUserId: 'ann' }]);
  expect(stage.enter('bob', 1).of('connect_request')).toEqual([]);
  accept(stage.enter('bob'), 'ann');
  expect(ann.of('connect_accepted')).toHaveLength(1);
});

test('who is linked already is told so, and the other is not', async () => {
  const stage = await new Stage().begin();
  const [ann, old] = [stage.enter('ann'), stage.enter('old', 1)];
  for (let n = 0; n < 5; n++) ask(ann, 'old');
  expect(ann.of('connect_accepted')).toHaveLength(5);
  expect(old.of('connect_accepted')).toHaveLength(1);
});

test.each([1, 2] as const)(
  'nobody can fill the socket of a player of protocol %d who does not read',
  async (protocol) => {
    const stage = await new Stage().begin();
    const [ann, bob] = [stage.enter('ann'), stage.enter('bob', protocol)];
    const flood = () => {
      for (let n = 0; n < 100; n++) {
        ask(ann, 'bob');
        ann.say({ type: 'disconnect' });
      }
    };
    bob.got = [];
    flood();
    // In one turn, in which nobody knows what it has read.
    const charsOf = ({ got }: Actor) => got.map((one) => JSON.stringify(one)).join('').length;
    expect(charsOf(bob)).toBeLessThan(2 * 1000);
    expect(new Set(ann.errors)).toEqual(new Set([503]));
    bob.buffered = 1001;
    await stage.pass();
    bob.got = [];
    flood();
    expect(bob.got).toEqual([]);
    bob.buffered = 0;
    stage.players.drained(bob.seat);
    ask(ann, 'bob');
    expect(bob.got).toHaveLength(1);
  },
);

test('the end of many requests costs no look at those of others', async () => {
  const stage = await new Stage({ linksMax: 1000 }).begin();
  const ann = stage.enter('ann');
  for (let n = 0; n < 500; n++) {
    stage.enter(`user-${n}`).topics.clear();
    ask(ann, `user-${n}`);
  }
  const bob = stage.enter('bob');
  const looks = [spyOn(Map.prototype, 'get'), spyOn(Map.prototype, 'keys')];
  bob.say({ type: 'disconnect' });
  const count = looks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  for (const look of looks) look.mockRestore();
  expect(count).toBeLessThan(100);
});
