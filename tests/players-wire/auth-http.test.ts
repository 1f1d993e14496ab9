import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Moonstead } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { Game } from '../support/players.ts';

const game = new Game();
beforeAll(() => game.start());
afterAll(() => game.stop());

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('POST grants, refreshes, validates and logs out; its answers have no type', async () => {
  const granted = await game.answer({ type: 'auth', userId: 'Ada 🌙' });
  expect(granted).toEqual({
    status: 200,
    success: true,
    userId: 'Ada 🌙',
    token: expect.stringMatching(/^[\w-]{43}$/),
    expiresAt: expect.stringMatching(rfc3339),
  });
  const { token } = granted;
  expect(await game.answer({ type: 'refresh', token })).toEqual({
    status: 200,
    success: true,
    expiresAt: expect.stringMatching(rfc3339),
  });
  expect(await game.answer({ type: 'validate', token })).toEqual({
    status: 200,
    success: true,
    userId: 'Ada 🌙',
    expiresAt: expect.stringMatching(rfc3339),
  });
  expect(await game.answer({ type: 'logout', token })).toEqual({ status: 200, success: true });
  for (const type of ['validate', 'refresh', 'logout'])
    expect(await game.answer({ type, token })).toEqual({
      status: 401,
      success: false,
      message: 'Invalid session token',
    });
});

test('no cache may keep a token', async () => {
  const response = await game.post({ type: 'auth', userId: 'cached' });
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('content-type')).toStartWith('application/json');
});

test('any parameter of the content type will do', async () => {
  const type = 'Application/JSON; charset=utf-8';
  const { status } = await game.answer({ type: 'auth', userId: 'a' }, { 'Content-Type': type });
  expect(status).toBe(200);
});

const auth = '{"type":"auth","userId":"a"}';
test.each<[string, string | Uint8Array, string, number]>([
  ['not JSON', '{', 'application/json', 400],
  ['nothing', '', 'application/json', 400],
  ['an unknown type', '{"type":"sesame"}', 'application/json', 400],
  ['no token', '{"type":"logout"}', 'application/json', 400],
  ['not UTF-8', Buffer.from('{"type":"auth","userId":"\xff"}', 'latin1'), 'application/json', 400],
  ['more than 16 KB', auth.padEnd(17_000), 'application/json', 400],
  ['as text', auth, 'text/plain', 415],
  ['as a form', auth, 'application/x-www-form-urlencoded', 415],
  ['as something like JSON', auth, 'application/jsonp', 415],
])('a body that is %s is refused', async (_what, body, type, status) => {
  const response = await fetch(`${game.server.http}/auth`, {
    method: 'POST',
    headers: { 'Content-Type': type },
    body: body as string,
  });
  expect(response.status).toBe(status);
  const answer = await response.json();
  expect(answer).toMatchObject({ success: false, message: expect.any(String) });
  expect(Object.keys(answer as object)).not.toContain('type');
});

test('a page of a foreign origin gets no session by POST or socket', async () => {
  const headers = { Origin: 'https://evil.example' };
  expect((await game.post(auth, headers)).status).toBe(403);
  const upgrade = {
    ...headers,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'bW9vbnN0ZWFkLXRlc3RzIQ==',
  };
  for (const path of ['/auth?userId=a', '/player']) {
    const response = await fetch(`${game.server.http}${path}`, { headers: upgrade });
    expect([path, response.status]).toEqual([path, 403]);
  }
});

test('a Host with a port that is none is answered like any other, and is no fault', async () => {
  // What searches servers for leaks takes URLs apart itself, and stumbles.
  const server = await Moonstead.start({ scan: false });
  try {
    for (const Host of ['127.0.0.1:99999', 'localhost:99999']) {
      const options = { path: '/auth?userId=hosted', headers: { Host } };
      const client = await RawClient.ask(server.port, options);
      expect(await client.next()).toMatchObject({ type: 'auth_result', userId: 'hosted' });
      client.destroy();
    }
    expect(server.events.filter(({ level }) => level === 'error')).toEqual([]);
  } finally {
    await server.stop();
  }
});

test('past sessions_per_minute an address gets 429 with Retry-After, and no other does', async () => {
  const few = new Game();
  await few.start({ auth: { sessions_per_minute: 3 }, server: { trusted_proxies: ['127.0.0.1'] } });
  try {
    const from = (ip: string) => ({ 'X-Forwarded-For': ip });
    const ask = (ip: string) => few.post({ type: 'auth', userId: 'u' }, from(ip));
    for (let i = 0; i < 3; i++) expect((await ask('192.0.2.1')).status).toBe(200);
    const refused = await ask('192.0.2.1');
    expect(refused.status).toBe(429);
    const retryAfterS = Number(refused.headers.get('retry-after'));
    expect(retryAfterS).toBeGreaterThan(50);
    expect(retryAfterS).toBeLessThanOrEqual(60);
    expect(await refused.json()).toEqual({
      success: false,
      message: 'Too many new sessions from this address, try later (auth.sessions_per_minute).',
    });
    expect((await ask('192.0.2.2')).status).toBe(200);
    const socket = await few.socket('/auth?userId=u', from('192.0.2.1'));
    expect(await socket.next()).toMatchObject({ type: 'auth_result', success: false });
  } finally {
    await few.stop();
  }
});

test('sessions_max refuses with 429 those that are new, and nobody else', async () => {
  const few = new Game();
  await few.start({ auth: { sessions_max: 2 } });
  try {
    const { token } = await few.session('a');
    await few.session('b');
    const refused = await few.post({ type: 'auth', userId: 'c' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await few.isValid(token)).toBeTrue();
    await few.answer({ type: 'logout', token });
    await few.session('c');
  } finally {
    await few.stop();
  }
});
