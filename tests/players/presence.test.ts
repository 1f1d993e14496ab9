import { expect, spyOn, test } from 'bun:test';
import { type Actor, Stage } from './stage.ts';

/** Who is there, by what a player was sent: its lists, and the changes behind them. */
function known({ got }: Actor): string[] {
  const users = new Set<string>();
  for (const { type, userId, users: listed } of got)
    if (type === 'user_list_update') {
      users.clear();
      for (const one of listed) users.add(one.userId);
    } else if (type === 'user_joined') users.add(userId);
    else if (type === 'user_left') users.delete(userId);
  return [...users].sort();
}

/** So many that each change costs more than a millisecond of the network; ann hears of them all. */
async function crowd() {
  const stage = await new Stage({ playersMax: 10_000 }).begin();
  const ann = stage.enter('ann');
  ann.say({ type: 'list_online' });
  const others = Array.from({ length: 600 }, (_, n) => {
    const one = stage.enter(`user-${n}-${'x'.repeat(50)}`);
    // What each of them hears would take the test long.
    one.subscribe = () => {};
    one.topics.clear();
    return one;
  });
  await stage.pass(60_000);
  const idOf = ({ seat }: Actor) => seat.userId;
  expect(known(ann)).toEqual(['ann', ...others.map(idOf)].sort());
  return { stage, ann, others, idOf };
}

test('who comes is told who it is, where it is and who is there', async () => {
  const stage = await new Stage().begin();
  stage.enter('ann', 2, { userName: 'Ann' });
  const bob = stage.stranger();
  bob.say({ type: 'session_auth', token: 'bob-token' });
  expect(bob.texts).toEqual([
    '{"type":"session_auth_result","success":true,"message":"Authentication successful","userId":"bob"}',
    '{"type":"connection_info","message":"You are connected through instance the-stage"}',
    '{"type":"user_list_update","users":[{"userId":"ann","userName":"Ann"},{"userId":"bob"}]}',
  ]);
});

test('protocol 2 is told of each change, and sent no list that it did not ask for', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  const bob = stage.enter('bob', 1, { userName: 'Bob' });
  bob.close();
  await stage.pass(1000);
  expect(ann.got).toEqual([
    { type: 'user_joined', userId: 'bob', userName: 'Bob' },
    { type: 'user_left', userId: 'bob' },
  ]);
});

test('protocol 1 is sent a list at once, and then at most one in a quarter of a second', async () => {
  const stage = await new Stage().begin();
  const old = stage.enter('old', 1);
  await stage.pass(250);
  old.got = [];
  stage.enter('a');
  await stage.pass();
  expect(old.listed).toEqual(['old', 'a']);
  stage.enter('b');
  stage.enter('c').close();
  await stage.pass(249);
  expect(old.got).toHaveLength(1);
  await stage.pass(1);
  expect(old.listed).toEqual(['old', 'a', 'b']);
  await stage.pass(1000);
  expect(old.got).toHaveLength(2);
  expect(old.of('user_list_update')).toHaveLength(2);
});

test('many players make the lists rarer: they take 20 MB a second at most', async () => {
  const stage = await new Stage({ playersMax: 10_000 }).begin();
  const old = stage.enter('old', 1);
  for (let n = 0; n < 600; n++) stage.enter(`user-${n}-${'x'.repeat(50)}`).topics.clear();
  await stage.pass(250);
  old.got = [];
  stage.enter('one');
  await stage.pass(10_000);
  const bytes = old.texts.at(-1)!.length;
  const pauseMs = (bytes * 602) / 20_000;
  expect(pauseMs).toBeGreaterThan(1000);
  old.got = [];
  stage.enter('two');
  await stage.pass();
  stage.enter('three');
  expect(old.of('user_list_update')).toHaveLength(1);
  await stage.pass(pauseMs - 1);
  expect(old.of('user_list_update')).toHaveLength(1);
  await stage.pass(100);
  expect(old.of('user_list_update')).toHaveLength(2);
});

test('a new name is news, a takeover under the same name is none', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  stage.enter('bob', 2, { userName: 'Bob' });
  ann.got = [];
  stage.enter('bob', 2, { userName: 'Bob' });
  expect(ann.got).toEqual([]);
  stage.enter('bob', 2, { userName: 'Rob' });
  expect(ann.got).toEqual([{ type: 'user_joined', userId: 'bob', userName: 'Rob' }]);
});

test('who asks for the list gets it, and of one turn only so many', async () => {
  const stage = await new Stage({ slowBytes: 300 }).begin();
  const ann = stage.enter('ann');
  for (let n = 0; n < 20; n++) ann.say({ type: 'list_online' });
  expect(ann.listed).toEqual(['ann']);
  expect(ann.of('user_list_update').length).toBeLessThan(10);
  expect(new Set(ann.errors)).toEqual(new Set([429]));
  await stage.pass(1);
  ann.got = [];
  ann.say({ type: 'list_online' });
  expect(ann.got).toHaveLength(1);
  expect(ann.listed).toEqual(['ann']);
});

test('who has not authenticated is in no list and is sent nothing', async () => {
  const stage = await new Stage().begin();
  const stranger = stage.stranger();
  const ann = stage.enter('ann', 1);
  ann.say({ type: 'join', channel: 'c' });
  await stage.pass(500);
  expect(stranger.got).toEqual([]);
  expect(stranger.topics.size).toBe(0);
  expect(ann.listed).toEqual(['ann']);
});

test('of many who leave at once the others hear bit by bit, and in the end who is there', async () => {
  const { stage, ann, others, idOf } = await crowd();
  ann.got = [
    { type: 'user_list_update', users: [...stage.players.presence.all()].map(({ user }) => user) },
  ];
  for (const one of others.slice(0, 300)) one.close();
  await stage.pass();
  expect(ann.of('user_left').length).toBeLessThan(100);
  const bytes = ann.texts.at(-1)!.length * 600;
  for (let ms = 0; ms < 200; ms += 20) {
    const before = ann.of('user_left').length;
    await stage.pass(20);
    // Two megabytes at a time are little, and a megabyte is 50 ms.
    expect((ann.of('user_left').length - before) * bytes).toBeLessThan(2_000_000);
  }
  await stage.pass(10_000);
  expect(known(ann)).toEqual(['ann', ...others.slice(300).map(idOf)].sort());
  const left = ann.of('user_left').map(({ userId }) => userId);
  expect(left).toEqual(others.slice(0, 300).map(idOf));
});

test('who comes and goes while others are being told of is told of to nobody', async () => {
  const { stage, ann, others } = await crowd();
  for (const one of others.slice(0, 100)) one.close();
  ann.got = [];
  for (let n = 0; n < 10; n++) stage.stranger().say({ type: 'session_auth', token: 'eve-token' });
  stage.actors.at(-1)!.close();
  await stage.pass(10_000);
  expect(ann.got.filter(({ userId }) => userId === 'eve')).toEqual([]);
});

test('who comes meanwhile is given a list that fits what it is told then, and does not hear of itself', async () => {
  const { stage, ann, others, idOf } = await crowd();
  for (const one of others.slice(0, 100)) one.close();
  const arrivals = ['eve', 'zoe'].map((name) => {
    const arrival = stage.stranger();
    arrival.say({ type: 'session_auth', token: `${name}-token`, protocol: 2 });
    return arrival;
  });
  for (const one of others.slice(100, 200)) one.close();
  expect(arrivals.map(({ got }) => got.at(-1)!.type)).toEqual(Array(2).fill('connection_info'));
  await stage.pass(10);
  for (const one of others.slice(200, 300)) one.close();
  // By now it is settled behind which changes they are let in.
  await stage.pass(100);
  expect(arrivals.flatMap((arrival) => arrival.of('user_list_update'))).toEqual([]);
  for (const one of others.slice(300, 400)) one.close();
  await stage.pass(10_000);
  const there = ['ann', 'eve', 'zoe', ...others.slice(400).map(idOf)].sort();
  for (const one of [ann, ...arrivals]) expect(known(one)).toEqual(there);
  for (const arrival of arrivals) {
    expect(arrival.of('user_list_update')).toHaveLength(1);
    expect(arrival.of('user_joined').map(({ userId }) => userId)).not.toContain(idOf(arrival));
    const first = arrival.of('user_list_update')[0]!.users.map(({ userId }: any) => userId);
    for (const { userId } of arrival.of('user_left')) expect(first).toContain(userId);
  }
});

test('who comes and is gone before it is let in hears of nothing', async () => {
  const { stage, others } = await crowd();
  for (const one of others.slice(0, 100)) one.close();
  const eve = stage.stranger();
  eve.say({ type: 'session_auth', token: 'eve-token', protocol: 2 });
  // By now it waits in its place behind them.
  await stage.pass(100);
  eve.close();
  await stage.pass(10_000);
  expect([...eve.topics]).not.toContain('players/changes');
});

test('a stop while changes wait ends the telling of them', async () => {
  const { stage, others } = await crowd();
  for (const one of others.slice(0, 300)) one.close();
  const published = spyOn(stage, 'publish');
  let isDone = false;
  void stage.players.drain(1000).then(() => (isDone = true));
  await stage.pass();
  expect(isDone).toBe(true);
  await stage.pass(10_000);
  expect(published).not.toHaveBeenCalled();
});

test('a list costs its bytes, whatever the names are written in', async () => {
  const stage = await new Stage({ playersMax: 10_000 }).begin();
  const old = stage.enter('old', 1);
  for (let n = 0; n < 150; n++)
    stage.enter(`user-${n}`, 1, { userName: '月'.repeat(128) }).topics.clear();
  await stage.pass(60_000);
  stage.enter('one');
  await stage.pass();
  const pauseMs = (Buffer.byteLength(old.texts.at(-1)!) * 152) / 20_000;
  expect(pauseMs).toBeGreaterThan(400);
  old.got = [];
  stage.enter('two');
  await stage.pass(pauseMs - 2);
  expect(old.got).toEqual([]);
  await stage.pass(10);
  expect(old.of('user_list_update')).toHaveLength(1);
});
