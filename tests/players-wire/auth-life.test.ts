import { afterEach, expect, test } from 'bun:test';
import { Database } from 'bun:sqlite';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game, secret, words } from '../support/players.ts';

const game = new Game();
let folder: string | undefined;

afterEach(async () => {
  await game.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
});

const restart = async () => {
  await game.stop();
  await game.start({}, folder);
};
const clockAt = (wallMs: number) => until('the clock', () => Date.now() >= wallMs);

test('a session lives session_ttl from its last use, and then is no more', async () => {
  await game.start({ auth: { session_ttl: '1s' } });
  const [used, idle] = [await game.session('u'), await game.session('u')];
  let expiresMs = Date.parse(used.expiresAt);
  // Each use, whichever it is, comes late in the life of the one before.
  for (const type of ['refresh', 'validate', 'refresh']) {
    await clockAt(expiresMs - 500);
    const answer = await game.answer({ type, token: used.token });
    expect(answer).toMatchObject({ status: 200 });
    expect(Date.parse(answer.expiresAt)).toBeWithin(expiresMs + 400, Date.now() + 1001);
    expiresMs = Date.parse(answer.expiresAt);
  }
  expect(await game.isValid(idle.token)).toBeFalse();
  await clockAt(expiresMs);
  expect(await game.isValid(used.token)).toBeFalse();
});

test('a session does not expire under a connected player, and lives on for session_ttl after it', async () => {
  await game.start({ auth: { session_ttl: '1s' } });
  const { token, expiresAt } = await game.session('u');
  const idle = await game.session('idle');
  const player = await game.player('u', { token });
  await clockAt(Date.parse(expiresAt) + 1500);
  player.say({ type: 'ping' });
  await player.next(({ type }) => type === 'pong');
  expect(await game.isValid(idle.token)).toBeFalse();
  await player.close();
  await until('it to have left', () =>
    game.server.events.some(({ event }) => event === 'player_left'),
  );
  const again = await game.player('u', { token });
  expect(again.closed).toBeUndefined();
  await again.close();
  const goneMs = Date.now();
  await clockAt(goneMs + 1200);
  expect(await game.isValid(token)).toBeFalse();
});

test('sessions, their ends and secrets survive a restart', async () => {
  folder = temporaryFolder();
  await game.start({}, folder);
  const [kept, ended] = [await game.session('a'), await game.session('a')];
  await game.answer({ type: 'logout', token: ended.token });
  const claimed = await game.session('b', { secret });
  await restart();
  expect(await game.answer({ type: 'validate', token: kept.token })).toMatchObject({
    status: 200,
    userId: 'a',
    expiresAt: kept.expiresAt,
  });
  expect(await game.isValid(ended.token)).toBeFalse();
  expect(await game.isValid(claimed.token)).toBeTrue();
  expect((await game.answer({ type: 'auth', userId: 'b' })).status).toBe(401);
  await game.session('b', { secret });
  // Who has a live session is not bound by a stranger after a restart either.
  expect((await game.answer({ type: 'auth', userId: 'a', secret })).status).toBe(401);
});

test('a session outlives the socket that made it', async () => {
  await game.start();
  const socket = await game.socket('/auth?userId=plugin');
  const { token } = await socket.next();
  game.tokens.add(token);
  await socket.close();
  expect(await game.isValid(token)).toBeTrue();
});

test('the files hold no token and no secret, before the stop and after it', async () => {
  folder = temporaryFolder();
  await game.start({}, folder);
  const { token } = await game.session('ada', { secret });
  const gone = await game.session('bob');
  await game.answer({ type: 'refresh', token });
  await game.answer({ type: 'logout', token: gone.token });
  const player = await game.player('ada', { token });
  player.say({ type: 'message', targetUserId: 'away', data: words });
  expect(await player.next(({ type }) => type === 'message_ack')).toMatchObject({
    status: 'queued',
  });
  const data = join(folder, 'data');
  const isFile = (name: string) => statSync(join(data, name)).isFile();
  const bytes = () => {
    const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(isFile);
    return Buffer.concat(files.map((file) => readFileSync(join(data, file))));
  };
  const search = () => {
    // What is kept is there, so this is where a token would be.
    expect(bytes().includes(words)).toBeTrue();
    expect(bytes().includes('$argon2id$')).toBeTrue();
    for (const hidden of [token, gone.token, secret])
      expect([hidden, bytes().includes(hidden)]).toEqual([hidden, false]);
  };
  expect(readdirSync(data)).toContain('moonstead.db-wal');
  search();
  await game.stop();
  search();
  await game.start({}, folder);
  search();
});

test('a session past max_sessions_per_user pushes the oldest out, and with the secret its player', async () => {
  await game.start();
  const first = await game.session('u', { secret });
  const player = await game.player('u', { token: first.token });
  const more = [];
  for (let i = 0; i < 4; i++) more.push(await game.session('u', { secret }));
  expect(await player.ended()).toEqual({ code: 4401, reason: 'logged out' });
  expect(await game.isValid(first.token)).toBeFalse();
  for (const { token } of more) expect(await game.isValid(token)).toBeTrue();
  expect(await game.isValid((await game.session('other')).token)).toBeTrue();
});

test('who comes without a secret pushes no player out: another session goes, or none comes', async () => {
  await game.start({ auth: { max_sessions_per_user: 2 } });
  const first = await game.session('u');
  const player = await game.player('u', { token: first.token });
  const more = [];
  for (let i = 0; i < 3; i++) more.push(await game.session('u'));
  expect(await game.isValid(first.token)).toBeTrue();
  const valid = [];
  for (const { token } of more) valid.push(await game.isValid(token));
  expect(valid).toEqual([false, false, true]);
  player.say({ type: 'ping' });
  await player.next(({ type }) => type === 'pong');
  await game.stop();
  await game.start({ auth: { max_sessions_per_user: 1 } });
  const only = await game.session('u');
  const busy = await game.player('u', { token: only.token });
  const refused = await game.post({ type: 'auth', userId: 'u' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect(await refused.json()).toEqual({
    success: false,
    message: 'All sessions of this user are in use (auth.max_sessions_per_user).',
  });
  expect(busy.closed).toBeUndefined();
});

test('records that cannot be read are passed over and told; every answer comes', async () => {
  folder = temporaryFolder();
  await game.start({}, folder);
  await game.session('zoe');
  await game.stop();
  const path = join(folder, 'data', 'moonstead.db');
  const count = () => {
    using database = new Database(path);
    return database.query<{ n: number }, []>('SELECT count(*) AS n FROM records').get()!.n;
  };
  const records = [
    ['sessions', 'not-json', '{"userId":'],
    ['sessions', 'no-fields', '{}'],
    ['sessions', 'null', 'null'],
    ['claims', 'alice', 'garbage'],
    // Looks like a hash, and is none.
    ['claims', 'bob', '$argon2id$v=19$m=19456,t=2,p=1$x$x'],
  ];
  {
    using database = new Database(path);
    const put = database.prepare('INSERT INTO records ("set", key, text) VALUES (?, ?, ?)');
    for (const record of records) put.run(...record);
  }
  const before = count();
  await game.start({}, folder);
  const { events } = game.server;
  const told = events.filter(({ event }) => event === 'record_unreadable');
  expect(told.map(({ level, set }) => `${level} ${set}`)).toEqual([
    'error claims',
    'error sessions',
    'error sessions',
    'error sessions',
  ]);
  const fault = { success: false, message: 'Something went wrong here.' };
  for (const userId of ['alice', 'bob']) {
    expect(await game.answer({ type: 'auth', userId, secret })).toEqual({ status: 500, ...fault });
    const socket = await game.socket(`/auth?userId=zoe`);
    socket.say({ type: 'auth', userId, secret }, { type: 'auth', userId: 'zoe' });
    await until('the answers', () => socket.frames.length === 3);
    expect(socket.frames.map(({ type, code }) => [type, code])).toEqual([
      ['auth_result', undefined],
      ['error', 500],
      ['auth_result', undefined],
    ]);
  }
  await game.leave();
  expect(await game.server.stop()).toBe(0);
  // Of the sessions of zoe there are four now.
  expect(count()).toBe(before + 3);
  expect(game.server.output).not.toContain(secret);
  const faults = game.server.events.filter(({ event }) => event === 'fault');
  expect(faults).toHaveLength(2);
  // What is looked at when the test is over is a run without faults.
  await game.start();
});

test('logging out, by socket or POST, closes the player with 4401, and nobody else', async () => {
  await game.start();
  const [one, other] = [await game.session('u'), await game.session('v')];
  const bystander = await game.player('w');
  const [player, second] = await Promise.all([
    game.player('u', { token: one.token }),
    game.player('v', { token: other.token }),
  ]);
  const socket = await game.socket('/auth');
  socket.say({ type: 'logout', token: one.token });
  expect(await socket.next()).toEqual({ type: 'logout_result', success: true });
  expect(await player.ended()).toEqual({ code: 4401, reason: 'logged out' });
  await game.answer({ type: 'logout', token: other.token });
  expect((await second.ended()).code).toBe(4401);
  for (const userId of ['u', 'v'])
    await bystander.next(({ type, userId: id }) => type === 'user_left' && id === userId);
  const late = await game.socket('/player');
  late.say(await game.hello('u', { token: one.token }));
  expect(await late.next()).toMatchObject({ success: false, message: 'Invalid session token' });
  expect((await late.ended()).code).toBe(4401);
  expect(bystander.closed).toBeUndefined();
});

test('a stop closes every /auth socket with 1001', async () => {
  await game.start();
  const sockets = await Promise.all([game.socket('/auth'), game.socket('/auth?userId=u')]);
  await sockets[1]!.next();
  game.server.signal('SIGTERM');
  for (const socket of sockets) expect((await socket.ended()).code).toBe(1001);
});
