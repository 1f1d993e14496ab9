import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import type { Frame, RelayClient } from '../support/relay-client.ts';

const game = new Game();
const texts = (client: RelayClient) => {
  const all: string[] = [];
  client.socket.addEventListener('message', ({ data }) => all.push(data));
  return all;
};
const users = (...ids: string[]) => ids.map((userId) => ({ userId }));

describe('session_auth', () => {
  beforeEach(() => game.start({ server: { instance_name: 'Rook "1"' } }));
  afterEach(() => game.stop());

  test.each([
    ['1, by saying nothing of it', {}],
    ['1', { protocol: 1 }],
    ['2', { protocol: 2 }],
  ])('of protocol %s is answered by these three frames, word for word', async (_name, more) => {
    const { token } = await game.session('ada');
    const client = await game.socket('/player');
    const got = texts(client);
    client.say({ type: 'session_auth', token, userId: 'ada', ...more });
    await until('the welcome', () => got.length >= 3);
    // Protocol 1 may have got the next list by now.
    expect(got.slice(0, 3)).toEqual([
      '{"type":"session_auth_result","success":true,"message":"Authentication successful","userId":"ada"}',
      '{"type":"connection_info","message":"You are connected through instance Rook \\"1\\""}',
      '{"type":"user_list_update","users":[{"userId":"ada"}]}',
    ]);
  });

  test.each<[string, (token: string) => object]>([
    ['a token that is none', () => ({ token: 'made-up' })],
    ['a token with a space behind it', (token) => ({ token: `${token} ` })],
    ['the userId of somebody else', (token) => ({ token, userId: 'bob' })],
    ['the userId in other letters', (token) => ({ token, userId: 'ADA' })],
  ])('with %s is refused and closed with 4401', async (_name, more) => {
    const { token } = await game.session('ada');
    await game.session('bob');
    const client = await game.socket('/player');
    const got = texts(client);
    client.say({ type: 'session_auth', protocol: 2, ...more(token) });
    expect(await client.ended()).toEqual({ code: 4401, reason: 'Invalid session token' });
    expect(got).toEqual([
      '{"type":"session_auth_result","success":false,"message":"Invalid session token"}',
    ]);
    expect((await game.player('ada', { token })).closed).toBeUndefined();
  });

  test('comes once and first: all else is an error 400, and the connection stays', async () => {
    const watching = await game.player('watching');
    const client = await game.socket('/player');
    const early = [
      { type: 'list_online' },
      { type: 'ping' },
      { type: 'join', channel: 'c' },
      { type: 'message', targetUserId: 'watching', data: 1 },
      { type: 'connect', targetUserId: 'watching' },
      { type: 'disconnect' },
      { type: 'session_auth' },
      { type: 'session_auth', token: 't', protocol: 3 },
      { type: 'sesame' },
    ];
    for (const frame of [...early, '{', 'null', '[]']) {
      client.say(frame);
      const answer = await client.next();
      expect([frame, answer.type, answer.code]).toEqual([frame, 'error', 400]);
    }
    client.socket.send(Buffer.alloc(3));
    expect(await client.next()).toMatchObject({ type: 'error', code: 400 });
    const hello = await game.hello('late');
    client.say(hello, hello);
    expect(await client.next()).toMatchObject({ type: 'session_auth_result', success: true });
    expect(await client.next(({ type }) => type === 'error')).toMatchObject({ code: 400 });
    client.say({ type: 'ping' });
    expect(await client.next()).toEqual({
      type: 'pong',
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(watching.frames.filter(({ type }) => type === 'message')).toEqual([]);
  });

  test('without an upgrade is 426', async () => {
    const response = await fetch(`${game.server.http}/player`);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});

describe('bounds', () => {
  const small = new Game();
  const players = {
    limit: 2,
    unauthenticated_max: 8,
    handshake_timeout: '300ms',
    ping_interval: '100ms',
    read_deadline: '400ms',
  };
  beforeAll(() => small.start({ players }));
  afterEach(() => small.leave());
  afterAll(() => small.stop());

  test('who is silent is told and closed with 4408; who is in stays', async () => {
    const player = await small.player('a');
    const [silent, chatty] = await Promise.all([small.socket('/player'), small.socket('/player')]);
    chatty.say({ type: 'ping' }, '{');
    for (const client of [silent, chatty]) {
      expect(await client.ended()).toEqual({ code: 4408, reason: 'No session_auth in time.' });
      expect(client.frames.at(-1)).toEqual({
        type: 'session_auth_result',
        success: false,
        message: 'No session_auth in time.',
      });
    }
    expect(player.closed).toBeUndefined();
  });

  test('who answers no pings is ended without a word, and is offline then', async () => {
    const watching = await small.player('watching');
    const mute = await small.rawPlayer('mute', { pongs: false });
    expect(await mute.end()).toBeUndefined();
    expect(await watching.next(({ type }) => type === 'user_left')).toEqual({
      type: 'user_left',
      userId: 'mute',
    });
  });

  test('past players.limit one is refused with 4503; a user who is there may take over', async () => {
    const { token } = await small.session('a');
    const [first] = await Promise.all([small.player('a', { token }), small.player('b')]);
    const late = await small.socket('/player');
    late.say(await small.hello('c'));
    expect(await late.ended()).toEqual({ code: 4503, reason: 'Server full, please try later' });
    expect(late.frames).toEqual([
      { type: 'session_auth_result', success: false, message: 'Server full, please try later' },
    ]);
    const again = await small.player('a', { token });
    expect((await first!.ended()).code).toBe(4410);
    await again.close();
    const isIn = async () => {
      const client = await small.socket('/player');
      client.say(await small.hello('c'));
      return (await client.next()).success;
    };
    await until('room', isIn);
  });

  test('a ninth connection of an address that is not authenticated is refused with 429', async () => {
    const ask = async () => {
      const headers = {
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'bW9vbnN0ZWFkLXRlc3RzIQ==',
      };
      return fetch(`${small.server.http}/player`, { headers });
    };
    const strangers = await Promise.allSettled(
      Array.from({ length: 20 }, () => small.socket('/player')),
    );
    expect(strangers.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await refused.json()).toEqual({
      code: 429,
      message:
        'Too many connections of this address wait to authenticate (players.unauthenticated_max).',
    });
    // Their time runs out, one way or the other.
    await until('room', async () => small.socket('/player').catch(() => undefined));
  });
});

test('behind a proxy each address has unauthenticated connections of its own', async () => {
  const proxied = new Game();
  const server = { trusted_proxies: ['127.0.0.1'] };
  await proxied.start({ server, players: { unauthenticated_max: 1 } });
  try {
    const from = (ip: string) => proxied.socket('/player', { 'X-Forwarded-For': ip });
    const first = await from('192.0.2.1');
    await from('192.0.2.2');
    await expect(from('192.0.2.1')).rejects.toThrow('refused');
    // Who is in does not count any more.
    first.say(await proxied.hello('ada'));
    await first.next(({ type }) => type === 'user_list_update');
    await from('192.0.2.1');
  } finally {
    await proxied.stop();
  }
});

describe('presence', () => {
  beforeEach(() => game.start({ players: { unauthenticated_max: 100 } }));
  afterEach(() => game.stop());
  const lists = ({ frames }: RelayClient): Frame[] =>
    frames.filter(({ type }) => type === 'user_list_update');

  test('protocol 1 is told by lists, protocol 2 by changes, and list_online tells both', async () => {
    const [old, young] = [await game.player('old', { protocol: 1 }), await game.player('young')];
    const list = await until('the list', () => lists(old).find(({ users: u }) => u.length === 2));
    expect(list).toEqual({ type: 'user_list_update', users: users('old', 'young') });
    const third = await game.player('third', { userName: 'Third "3"' });
    expect(await young.next(({ type }) => type === 'user_joined')).toEqual({
      type: 'user_joined',
      userId: 'third',
      userName: 'Third "3"',
    });
    const all = [...users('old', 'young'), { userId: 'third', userName: 'Third "3"' }];
    await until('the list', () => lists(old).at(-1)!.users.length === 3);
    expect(lists(old).at(-1)!.users).toEqual(all);
    expect(lists(third)).toEqual([{ type: 'user_list_update', users: all }]);
    third.say({ type: 'list_online' });
    await until('the list', () => lists(third).length === 2);
    expect(lists(third)[1]!.users).toEqual(all);
    await third.close();
    expect(await young.next(({ type }) => type === 'user_left')).toEqual({
      type: 'user_left',
      userId: 'third',
    });
    await until('the list', () => lists(old).at(-1)!.users.length === 2);
    expect(lists(old).at(-1)!.users).toEqual(users('old', 'young'));
    expect(lists(young)).toHaveLength(1);
    const changes = old.frames.filter(({ type }) => /^user_(joined|left)$/.test(type));
    expect(changes).toEqual([]);
  });

  test('who is not authenticated is told nothing, and is on no list', async () => {
    const stranger = await game.socket('/player');
    const old = await game.player('old', { protocol: 1 });
    const other = await game.player('other', { protocol: 1 });
    await until('the list', () => lists(old).at(-1)!.users.length === 2);
    stranger.say({ type: 'ping' });
    await stranger.next();
    expect(stranger.frames.map(({ type }) => type)).toEqual(['error']);
    other.say({ type: 'list_online' });
    await until('the list', () => lists(other).length >= 2);
    expect(lists(other).at(-1)!.users).toEqual(users('old', 'other'));
  });

  test('many who come at once make few lists, the last of them whole', async () => {
    const old = await game.player('old', { protocol: 1 });
    const beginMs = performance.now();
    const names = Array.from({ length: 40 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => game.player(name)));
    await until('the list', () => lists(old).at(-1)!.users.length === 41);
    const seen = lists(old)
      .at(-1)!
      .users.map(({ userId }: Frame) => userId);
    expect(seen.toSorted()).toEqual(['old', ...names].toSorted());
    const tookMs = performance.now() - beginMs;
    // Its own, one at once, and one in each 250 ms.
    expect(lists(old).length).toBeLessThanOrEqual(3 + Math.ceil(tookMs / 250));
  });

  test('a user who connects again takes over: 4410 for the old one, no news for others', async () => {
    const watching = await game.player('watching');
    const first = await game.player('u', { userName: 'U' });
    await watching.next(({ type }) => type === 'user_joined');
    const second = await game.player('u', { userName: 'U', protocol: 1 });
    expect(await first.ended()).toEqual({ code: 4410, reason: 'replaced' });
    const third = await game.player('u', { userName: 'V' });
    expect((await second.ended()).code).toBe(4410);
    expect(await watching.next(({ type }) => type !== 'user_list_update')).toEqual({
      type: 'user_joined',
      userId: 'u',
      userName: 'V',
    });
    await third.close();
    expect(await watching.next()).toEqual({ type: 'user_left', userId: 'u' });
  });
});
