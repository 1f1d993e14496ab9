import { expect, test } from 'bun:test';
import { type Actor, Stage } from './stage.ts';

const join = (channel: string, ...actors: Actor[]) => {
  for (const actor of actors) actor.say({ type: 'join', channel });
};

test('everybody else in a channel hears a message once, and its sender an ack', async () => {
  const stage = await new Stage().begin();
  const [ann, bob, cem, dan] = ['ann', 'bob', 'cem', 'dan'].map((name) => stage.enter(name));
  join('c', ann!, bob!, cem!);
  join('c', bob!);
  ann!.shout('c', 'hello');
  expect([ann, bob, cem, dan].map((actor) => actor!.heard)).toEqual([[], ['hello'], ['hello'], []]);
  expect(ann!.acks).toEqual(['hello completed']);
  expect(bob!.of('message')[0]).toMatchObject({ fromUserId: 'ann', msg_id: 'hello' });
});

test('a message to a channel where nobody else is fails and is not kept', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('c', ann);
  ann.shout('c', 1);
  ann.shout('other', 2);
  expect(ann.acks).toEqual(['1 failed', '2 failed']);
  join('c', bob);
  expect(bob.heard).toEqual([]);
});

test('who is not in a channel may speak to it', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('c', bob);
  ann.shout('c', 1);
  expect([ann.acks, bob.heard]).toEqual([['1 completed'], [1]]);
});

test('who leaves a channel hears no more of it, and counts as nobody there', async () => {
  const stage = await new Stage().begin();
  const [ann, bob, cem] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cem')];
  join('c', bob, cem);
  bob.say({ type: 'leave', channel: 'c' }, { type: 'leave', channel: 'never joined' });
  ann.shout('c', 1);
  cem.say({ type: 'leave', channel: 'c' });
  ann.shout('c', 2);
  expect(ann.acks).toEqual(['1 completed', '2 failed']);
  expect([bob.heard, bob.errors, cem.heard]).toEqual([[], [], [1]]);
});

test('places in channels outlive a reconnect and a takeover', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('c', bob);
  const second = stage.enter('bob');
  ann.shout('c', 1);
  expect([bob.heard, second.heard]).toEqual([[], [1]]);
  second.close();
  ann.shout('c', 2);
  await stage.pass(29_999);
  const third = stage.enter('bob');
  ann.shout('c', 3);
  expect(third.heard).toEqual([3]);
  expect(ann.acks).toEqual(['1 completed', '2 failed', '3 completed']);
});

test('past the grace a player is in no channel any more', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('c', bob);
  bob.close();
  await stage.pass(30_000);
  const again = stage.enter('bob');
  ann.shout('c', 1);
  expect([again.heard, ann.acks]).toEqual([[], ['1 failed']]);
});

test('a player is in so many channels at most, and joining one again takes no room', async () => {
  const stage = await new Stage({ channelsMax: 2 }).begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('a', bob);
  join('b', bob);
  join('a', bob);
  join('c', bob);
  expect(bob.errors).toEqual([429]);
  bob.say({ type: 'leave', channel: 'a' });
  join('c', bob);
  for (const channel of ['a', 'b', 'c']) ann.shout(channel, channel);
  expect(bob.heard).toEqual(['b', 'c']);
});

test('a player who reads nothing of a loud channel is found out and closed', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  join('c', bob);
  for (const unread of [0, 9000]) {
    expect(bob.ended).toBeUndefined();
    bob.buffered = unread;
    ann.shout('c', 'x'.repeat(100));
    ann.shout('c', 'y'.repeat(100));
    await stage.pass(1);
  }
  expect(bob.ended).toBe(4508);
});
