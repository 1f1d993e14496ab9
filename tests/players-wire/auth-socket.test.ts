import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game, secret } from '../support/players.ts';
import type { Frame, RelayClient } from '../support/relay-client.ts';

const game = new Game();
beforeAll(() => game.start());
afterEach(() => game.leave());
afterAll(() => game.stop());

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const granted = (userId: string) => ({
  type: 'auth_result',
  success: true,
  userId,
  token: expect.stringMatching(/^[\w-]{43}$/),
  expiresAt: expect.stringMatching(rfc3339),
});

async function ask(client: RelayClient, frame: unknown): Promise<Frame> {
  client.say(frame);
  const answer = await client.next();
  if (answer.token !== undefined) game.tokens.add(answer.token);
  return answer;
}

test('userId in the URL is answered at once; the token is good on any connection', async () => {
  const client = await game.socket(`/auth?userId=${encodeURIComponent('Ada 🌙')}`);
  const first = await client.next();
  game.tokens.add(first.token);
  expect(first).toEqual(granted('Ada 🌙'));
  expect(Object.keys(first)).toEqual(['type', 'success', 'userId', 'token', 'expiresAt']);
  const dayMs = Date.parse(first.expiresAt) - Date.now();
  expect(dayMs).toBeGreaterThan(86_390_000);
  expect(dayMs).toBeLessThanOrEqual(86_400_000);
  await client.close();
  const other = await game.socket('/auth');
  expect(await ask(other, { type: 'validate', token: first.token })).toEqual({
    type: 'validate_result',
    success: true,
    userId: 'Ada 🌙',
    expiresAt: expect.stringMatching(rfc3339),
  });
});

test('auth, refresh, validate and logout are answered as specified, on one connection', async () => {
  const client = await game.socket('/auth');
  const first = await ask(client, { type: 'auth', userId: 'bob', protocol: 7 });
  expect(first).toEqual(granted('bob'));
  const { token } = first;
  expect(await ask(client, { type: 'refresh', token })).toEqual({
    type: 'refresh_result',
    success: true,
    expiresAt: expect.stringMatching(rfc3339),
  });
  expect(await ask(client, { type: 'validate', token })).toMatchObject({ userId: 'bob' });
  expect(await ask(client, { type: 'logout', token })).toEqual({
    type: 'logout_result',
    success: true,
  });
  for (const type of ['validate', 'refresh', 'logout'])
    expect(await ask(client, { type, token })).toEqual({
      type: `${type}_result`,
      success: false,
      message: 'Invalid session token',
    });
  expect(await ask(client, { type: 'auth', userId: 'bob' })).toEqual(granted('bob'));
});

test('a user of the URL that needs a secret is refused, and gets in on the same connection', async () => {
  await game.session('claimed', { secret });
  const client = await game.socket('/auth?userId=claimed');
  expect(await client.next()).toEqual({
    type: 'auth_result',
    success: false,
    message: 'This user has a secret: it is needed.',
  });
  expect(await ask(client, { type: 'auth', userId: 'claimed', secret: 'wrong' })).toEqual({
    type: 'auth_result',
    success: false,
    message: 'Wrong secret.',
  });
  expect(await ask(client, { type: 'auth', userId: 'claimed', secret })).toEqual(
    granted('claimed'),
  );
});

const broken: [string, unknown][] = [
  ['not JSON', '{'],
  ['nothing', ''],
  ['a number', '5'],
  ['null', 'null'],
  ['a list', '[]'],
  ['no type', {}],
  ['an unknown type', { type: 'session_auth', token: 'x' }],
  ['a type that every object has', { type: 'constructor' }],
  ['no userId', { type: 'auth' }],
  ['a blank userId', { type: 'auth', userId: ' \u2003 ' }],
  ['an empty userId', { type: 'auth', userId: '' }],
  ['a userId that is too long', { type: 'auth', userId: 'x'.repeat(65) }],
  ['a control character', { type: 'auth', userId: 'a\u0007b' }],
  ['a C1 control character', { type: 'auth', userId: 'a\u0085b' }],
  ['half a surrogate pair', '{"type":"auth","userId":"\\ud83c"}'],
  ['a number as userId', { type: 'auth', userId: 7 }],
  ['an empty secret', { type: 'auth', userId: 'a', secret: '' }],
  ['a secret that is too long', { type: 'auth', userId: 'a', secret: 'x'.repeat(257) }],
  ['no token', { type: 'refresh' }],
  ['an empty token', { type: 'validate', token: '' }],
  ['a token that is too long', { type: 'logout', token: 'x'.repeat(257) }],
  ['depth', `{"type":"auth","userId":"a","x":${'['.repeat(64)}${']'.repeat(64)}}`],
  ['great depth', `{"type":"auth","userId":"a","x":${'['.repeat(7000)}${']'.repeat(7000)}}`],
];
test.each(broken)('%s is an error 400, and the connection stays', async (_what, frame) => {
  const client = await game.socket('/auth');
  const answer = await ask(client, frame);
  expect(answer).toMatchObject({ type: 'error', code: 400, message: 'Malformed message.' });
  expect(answer.detail).toBeString();
  expect(await ask(client, { type: 'auth', userId: 'well' })).toMatchObject({ success: true });
});

test('a blank userId in the URL is an error 400, and the connection stays', async () => {
  const client = await game.socket('/auth?userId=%20');
  expect(await client.next()).toMatchObject({ type: 'error', code: 400 });
  expect(await ask(client, { type: 'auth', userId: 'well' })).toMatchObject({ success: true });
});

test('a binary frame is an error 400, and the connection stays', async () => {
  const client = await game.socket('/auth');
  client.socket.send(Buffer.from('{"type":"auth","userId":"a"}'));
  expect(await client.next()).toMatchObject({ type: 'error', code: 400, detail: 'not text' });
  expect(await ask(client, { type: 'auth', userId: 'well' })).toMatchObject({ success: true });
});

test('a frame above 16 KB ends its connection with 1009, and no other', async () => {
  const [client, other] = await Promise.all([game.socket('/auth'), game.socket('/auth')]);
  client.say(JSON.stringify({ type: 'auth', userId: 'x', pad: 'x'.repeat(17_000) }));
  expect((await client.ended()).code).toBe(1009);
  expect(await ask(other, { type: 'auth', userId: 'well' })).toMatchObject({ success: true });
});

test('answers come in the order of the messages, whatever each of them takes', async () => {
  await game.session('ordered', { secret });
  const client = await game.socket('/auth');
  const one = await ask(client, { type: 'auth', userId: 'quick' });
  // Hashed, committed, broken, looked up, refused, committed.
  client.say(
    { type: 'auth', userId: 'ordered', secret },
    { type: 'auth', userId: 'first' },
    '{',
    { type: 'validate', token: one.token },
    { type: 'validate', token: 'nobody' },
    { type: 'auth', userId: 'ordered', secret: 'wrong' },
    { type: 'auth', userId: 'last' },
    { type: 'logout', token: one.token },
  );
  await until('the answers', () => client.frames.length === 9);
  const seen = client.frames.slice(1).map((f) => `${f.type} ${f.success ?? f.code} ${f.userId}`);
  for (const { token } of client.frames) if (token) game.tokens.add(token);
  expect(seen).toEqual([
    'auth_result true ordered',
    'auth_result true first',
    'error 400 undefined',
    'validate_result true quick',
    'validate_result false undefined',
    'auth_result false undefined',
    'auth_result true last',
    'logout_result true undefined',
  ]);
});

test('without an upgrade the answer is 426', async () => {
  const response = await fetch(`${game.server.http}/auth?userId=x`);
  expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
});

describe('who says nothing valid', () => {
  const strict = new Game();
  beforeAll(() => strict.start({ auth: { handshake_timeout: '300ms', ping_interval: '100ms' } }));
  afterEach(() => strict.leave());
  afterAll(() => strict.stop());

  test('within handshake_timeout is closed with 4408; who was granted something stays', async () => {
    const [silent, refused, chatty, valid] = await Promise.all([
      strict.socket('/auth'),
      strict.socket('/auth'),
      strict.socket('/auth?userId=%20'),
      strict.socket('/auth?userId=valid'),
    ]);
    refused!.say({ type: 'validate', token: 'nobody' });
    chatty!.say('{', '{');
    for (const client of [silent, refused, chatty])
      expect(await client!.ended()).toEqual({ code: 4408, reason: 'nothing valid in time' });
    expect(valid!.closed).toBeUndefined();
    valid!.say({ type: 'validate', token: (await valid!.next()).token });
    expect(await valid!.next()).toMatchObject({ success: true, userId: 'valid' });
  });

  test('and answers no pings is ended, granted or not', async () => {
    const mute = await strict.raw('/auth?userId=mute', { pongs: false });
    expect(await mute.next()).toMatchObject({ success: true });
    expect(await mute.end()).toBeUndefined();
    expect(mute.pings.length).toBeGreaterThan(0);
  });
});
