import { afterEach, beforeEach, expect, test } from 'bun:test';
import { Game, words } from '../support/players.ts';
import { NodeWs } from '../support/node-ws.ts';

const game = new Game();
beforeEach(() => game.start());
afterEach(() => game.stop());

test('two players on ws and Node meet, link, talk, miss a message, get it, and leave', async () => {
  const auth = await NodeWs.open(game.url('/auth?userId=ada'));
  const { token } = await auth.next(({ type }) => type === 'auth_result');
  auth.say({ type: 'auth', userId: 'bob' });
  const bobs = await auth.next(({ userId }) => userId === 'bob');
  for (const one of [token, bobs.token]) game.tokens.add(one);
  await auth.close();

  const ada = await NodeWs.open(game.url('/player'));
  ada.say({ type: 'session_auth', token, userId: 'ada', userName: 'Ada 🌙', protocol: 2 });
  await ada.next(({ type }) => type === 'user_list_update');
  // Today's plugin: no protocol.
  const enter = async () => {
    const client = await NodeWs.open(game.url('/player'), { perMessageDeflate: true });
    client.say({ type: 'session_auth', token: bobs.token });
    await client.next(({ type }) => type === 'user_list_update');
    return client;
  };
  const bob = await enter();
  expect(bob.frames.slice(0, 3)).toEqual([
    {
      type: 'session_auth_result',
      success: true,
      message: 'Authentication successful',
      userId: 'bob',
    },
    { type: 'connection_info', message: 'You are connected through instance moonstead' },
    {
      type: 'user_list_update',
      users: [{ userId: 'ada', userName: 'Ada 🌙' }, { userId: 'bob' }],
    },
  ]);
  expect(await ada.next(({ type }) => type === 'user_joined')).toMatchObject({ userId: 'bob' });

  ada.say({ type: 'connect', targetUserId: 'bob' });
  expect(await ada.next(({ type }) => /^connect_/.test(type))).toEqual({
    type: 'connect_accepted',
    withUserId: 'bob',
  });
  await bob.next(({ type }) => type === 'connect_accepted');
  bob.say({ type: 'message', targetUserId: 'ada', data: { words }, msg_id: 'live' });
  expect(await ada.next(({ type }) => type === 'message')).toMatchObject({ data: { words } });
  const isAck = ({ type }: { type?: string }) => type === 'message_ack';
  expect(await bob.next(isAck as never)).toMatchObject({ status: 'completed' });

  bob.say({ type: 'disconnect' });
  expect(await ada.next(({ type }) => type === 'disconnected')).toMatchObject({ userId: 'bob' });
  await bob.close();
  await ada.next(({ type }) => type === 'user_left');
  ada.say({ type: 'message', targetUserId: 'bob', data: 'missed', msg_id: 'missed' });
  expect(await ada.next(isAck as never)).toMatchObject({ status: 'queued' });
  const back = await enter();
  expect(await back.next(({ type }) => type === 'message')).toMatchObject({
    fromUserId: 'ada',
    data: 'missed',
    msg_id: 'missed',
  });
  await back.close();

  const later = await NodeWs.open(game.url('/auth'));
  later.say({ type: 'logout', token });
  await later.next(({ type }) => type === 'logout_result');
  expect((await ada.ended()).code).toBe(4401);
  game.server.signal('SIGTERM');
  expect((await later.ended()).code).toBe(1001);
});
