import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { ackOf, Game, given, tell } from '../support/players.ts';

const game = new Game();
beforeAll(() => game.start());
afterEach(() => game.leave());
afterAll(() => game.stop());

const names = [
  '__proto__',
  'constructor',
  'toString',
  '<img src=x onerror=alert(1)>',
  '"}],"users":[{"userId":"admin',
  "Robert'); DROP TABLE rings;--",
  'players/list',
  'players/c/c',
  '../../etc/passwd',
  '👩‍👩‍👧‍👦🌙',
  '\u202Egnp.exe',
  'e\u0301 is not é',
  ' spaces ',
  '%00%2F',
  '0',
  'null',
  '\uFFFD',
];

test.each(names)('a user and a channel may be called %j', async (name) => {
  const other = `friend of ${name}`;
  const friend = await game.player(other);
  expect(await tell(friend, name, 'waited')).toBe('queued');
  const client = await game.player(name, { userName: name });
  expect(await client.next(({ type }) => type === 'message')).toMatchObject({
    fromUserId: other,
    msg_id: 'waited',
  });
  expect(await friend.next(({ type }) => type === 'user_joined')).toEqual({
    type: 'user_joined',
    userId: name,
    userName: name,
  });
  friend.say({ type: 'list_online' }, { type: 'connect', targetUserId: name });
  expect((await friend.next(({ type }) => type === 'user_list_update')).users).toEqual([
    { userId: other },
    { userId: name, userName: name },
  ]);
  expect(await client.next(({ type }) => type === 'connect_request')).toEqual({
    type: 'connect_request',
    fromUserId: other,
  });
  client.say({ type: 'join', channel: name }, { type: 'connect_accept', targetUserId: other });
  expect(await friend.next(({ type }) => type === 'connect_accepted')).toEqual({
    type: 'connect_accepted',
    withUserId: name,
  });
  friend.say({ type: 'message', channel: name, data: name, msg_id: name });
  expect(await ackOf(friend, name)).toMatchObject({ status: 'completed' });
  expect(await client.next(({ type }) => type === 'message')).toMatchObject({ data: name });
  expect(given(friend)).toEqual([]);
});

test('a userId of 64 characters beyond the BMP may do whatever others may', async () => {
  const name = '🌙'.repeat(64);
  const { token } = await game.session(name);
  const friend = await game.player('friend');
  expect(await tell(friend, name, 'waited')).toBe('queued');
  const client = await game.socket('/player');
  client.say({ type: 'session_auth', token, userId: name, protocol: 2 });
  expect(await client.next()).toMatchObject({ success: true, userId: name });
  await client.next(({ msg_id: id }) => id === 'waited');
});

describe('of a userId that nobody can have nothing is kept:', () => {
  test.each([
    ['blank', ' '],
    ['a line end', 'a\nb'],
    ['a zero', '\u0000'],
    ['a C1 control character', '\u0085x'],
    ['half a surrogate pair', '\ud83c'],
    ['65 characters', '🌙'.repeat(65)],
  ])('%s', async (_what, targetUserId) => {
    const client = await game.player('sender');
    // As JSON of its own, for half a pair does not survive a UTF-8 encoder.
    const text = JSON.stringify({ type: 'message', targetUserId, data: 1, msg_id: 'm' });
    client.say(text);
    const got = await client.next(({ type }) => type === 'message_ack' || type === 'error');
    expect(got).toMatchObject({ type: 'error', code: 400 });
  });
});

test('half a surrogate pair in data and in names arrives or is refused, and breaks nothing', async () => {
  const [sender, target] = [await game.player('sender'), await game.player('target')];
  const half = '\\ud83c';
  sender.say(`{"type":"message","targetUserId":"target","data":"${half}","msg_id":"m"}`);
  expect(await ackOf(sender, 'm')).toMatchObject({ status: 'completed' });
  expect((await target.next(({ msg_id: id }) => id === 'm')).data).toBe('\ud83c');
  for (const fields of [`"channel":"${half}"`, `"channel":"c","msg_id":"${half}"`]) {
    sender.say(`{"type":"message","data":1,${fields}}`);
    expect(await sender.next(({ type }) => type === 'error')).toMatchObject({ code: 400 });
  }
  const late = await game.socket('/player');
  const { token } = await game.session('late');
  late.say(`{"type":"session_auth","token":"${token}","userName":"${half}"}`);
  expect(await late.next()).toMatchObject({ type: 'error', code: 400 });
});
