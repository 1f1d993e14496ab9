import { expect, test } from 'bun:test';
import { Stage } from './stage.ts';

const auth = (userId: string, more: object = {}) => ({
  type: 'session_auth',
  token: `${userId}-token`,
  ...more,
});

test('a token that is not good is refused in words and closed with 4401', async () => {
  const stage = await new Stage().begin();
  const [guess, other] = [stage.stranger(), stage.stranger()];
  guess.say({ type: 'session_auth', token: 'guess' });
  other.say(auth('ann', { userId: 'bob' }));
  for (const actor of [guess, other]) {
    expect(actor.texts).toEqual([
      '{"type":"session_auth_result","success":false,"message":"Invalid session token"}',
    ]);
    expect(actor.ended).toBe(4401);
  }
  expect(stage.sessions.size).toBe(0);
});

test('a full server refuses newcomers with 4503, but nobody who takes over', async () => {
  const stage = await new Stage({ playersMax: 1 }).begin();
  const ann = stage.enter('ann');
  const bob = stage.stranger();
  bob.say(auth('bob'));
  expect(bob.got).toEqual([
    { type: 'session_auth_result', success: false, message: 'Server full, please try later' },
  ]);
  expect(bob.ended).toBe(4503);
  const again = stage.enter('ann');
  expect([ann.ended, again.ended]).toEqual([4410, undefined]);
  expect([...stage.sessions].map(({ userId }) => userId)).toEqual(['ann']);
  again.close();
  expect(stage.enter('bob').ended).toBeUndefined();
});

test('a takeover leaves the user there: nobody hears of it', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.got = [];
  stage.enter('bob');
  bob.close();
  await stage.pass(60_000);
  expect(bob.ended).toBe(4410);
  expect(ann.got).toEqual([]);
});

test('a logout closes the connection that uses the session with 4401', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  for (const session of [...stage.sessions]) session.end();
  expect(ann.ended).toBe(4401);
  expect(stage.sessions.size).toBe(0);
});

test('the end of a session that another connection has replaced closes nothing else', async () => {
  const stage = await new Stage().begin();
  stage.enter('ann');
  const [old] = stage.sessions;
  const newer = stage.enter('ann');
  old!.end();
  expect(newer.ended).toBeUndefined();
});

test('a stranger may only authenticate; anything else is an error and the connection stays', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  ann.say({ type: 'join', channel: 'c' });
  const stranger = stage.stranger();
  stranger.say(
    { type: 'list_online' },
    { type: 'join', channel: 'c' },
    { type: 'message', targetUserId: 'ann', data: 1 },
    'not JSON',
  );
  stage.players.bytes(stranger.seat, new Uint8Array(20));
  expect(stranger.got.map(({ type, code }) => `${type} ${code}`)).toEqual(
    Array.from({ length: 5 }, () => 'error 400'),
  );
  expect(ann.heard).toEqual([]);
  stranger.say(auth('bob'));
  expect(stranger.ended).toBeUndefined();
});

test('who is in does not authenticate again', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  ann.say(auth('bob'));
  expect(ann.errors).toEqual([400]);
  expect(stage.sessions.size).toBe(1);
});

test('who says nothing in time is closed with 4408', async () => {
  const stage = await new Stage().begin();
  const [stranger, ann] = [stage.stranger(), stage.enter('ann')];
  await stage.pass(9_999);
  expect(stranger.ended).toBeUndefined();
  await stage.pass(1_000);
  expect(stranger.ended).toBe(4408);
  expect(stranger.got).toEqual([
    { type: 'session_auth_result', success: false, message: 'No session_auth in time.' },
  ]);
  expect(ann.ended).toBeUndefined();
});

test('connections that have not authenticated are counted by address', async () => {
  const stage = await new Stage().begin();
  const { strangers } = stage.players;
  const here = [stage.stranger('a'), stage.stranger('a'), stage.stranger('a')];
  stage.stranger('b');
  expect([strangers.of('a'), strangers.of('b'), strangers.of('c')]).toEqual([3, 1, 0]);
  here[0]!.say(auth('ann'));
  here[1]!.say(auth('ann', { userId: 'bob' }));
  expect(strangers.of('a')).toBe(1);
  here[0]!.close();
  here[2]!.close();
  expect(strangers.of('a')).toBe(0);
});

test('a player is pinged every so often, and without a sign of life its connection ends', async () => {
  const stage = await new Stage({ pingIntervalMs: 10_000, readDeadlineMs: 30_000 }).begin();
  const [mute, well] = [stage.enter('mute'), stage.enter('well')];
  for (let s = 0; s < 60; s++) {
    await stage.pass(1000);
    if (well.pings.length > 0) well.pong();
  }
  expect([mute.ended, well.ended]).toEqual([1006, undefined]);
  expect(well.pings).toHaveLength(6);
});

test('who does not read is closed with 4508, at once past one bound and in time past another', async () => {
  const stage = await new Stage({ slowTimeoutMs: 5000 }).begin();
  const [slow, deaf] = [stage.enter('slow'), stage.enter('deaf')];
  slow.buffered = 1001;
  deaf.buffered = 8001;
  await stage.pass(1300);
  expect([slow.ended, deaf.ended]).toEqual([undefined, 4508]);
  await stage.pass(6500);
  expect(slow.ended).toBe(4508);
});

test('frames faster than the rate are refused one by one', async () => {
  const stage = await new Stage({ rateLimit: 2 }).begin();
  const ann = stage.enter('ann');
  ann.say({ type: 'ping' }, { type: 'ping' }, { type: 'ping' });
  expect([ann.of('pong').length, ann.errors]).toEqual([1, [429, 429]]);
  await stage.pass(500);
  ann.say({ type: 'ping' });
  expect(ann.of('pong')).toHaveLength(2);
});

test('who waits for too many answers is refused more, and closed if it goes on', async () => {
  const put = () => new Promise<never>(() => {});
  const stage = await new Stage({ unacknowledgedMax: 2 }, undefined, { put }).begin();
  const ann = stage.enter('ann');
  ann.tell('n', ...Array.from({ length: 9 }, (_, n) => n));
  expect(ann.ended).toBeUndefined();
  ann.say({ type: 'ping' });
  expect(ann.ended).toBe(4429);
});

test('a pong names the time of day', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  await stage.pass(1234);
  ann.say({ type: 'ping' });
  expect(ann.got).toEqual([{ type: 'pong', ts: new Date(stage.clock.wallMs()).toISOString() }]);
});

test('a stop tells nobody of all who leave, and after it nothing is planned', async () => {
  const stage = await new Stage().begin();
  const [old, ann, bob] = [stage.enter('old', 1), stage.enter('ann'), stage.enter('bob')];
  stage.enter('cem').close();
  await stage.pass(500);
  for (const actor of [old, ann, bob]) actor.got = [];
  let isDone = false;
  void stage.players.drain(1000).then(() => (isDone = true));
  await stage.pass(1000);
  expect(isDone).toBe(true);
  for (const actor of [old, ann, bob]) expect([actor.ended, actor.got]).toEqual([1001, []]);
  await stage.pass(1000);
  expect(stage.clock['heap'].filter(({ fn }) => fn !== undefined)).toEqual([]);
});

test('who is answered more in one turn than it may leave unread is closed in it', async () => {
  const stage = await new Stage().begin();
  const [stranger, patient] = [stage.stranger(), stage.stranger()];
  for (let n = 0; n < 1000; n++) stage.players.bytes(stranger.seat, new Uint8Array(0));
  expect(stranger.ended).toBe(4508);
  expect(stranger.texts.join('').length).toBeLessThan(9000);
  for (let n = 0; n < 100; n++) {
    stage.players.bytes(patient.seat, new Uint8Array(0));
    await stage.pass();
  }
  expect(patient.errors).toEqual(Array(100).fill(400));
});

test('a flood of binary frames of a player is looked at in the next turn', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  ann.buffered = 8001;
  for (let n = 0; n < 10; n++) stage.players.bytes(ann.seat, new Uint8Array(0));
  await stage.pass();
  expect(ann.ended).toBe(4508);
});
