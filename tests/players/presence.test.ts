import { expect, test } from 'bun:test';
import { Stage } from './stage.ts';

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
