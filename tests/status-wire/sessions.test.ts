import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game, secret } from '../support/players.ts';
import { act, adminKey, allOf, ask, gameWithKeys, metric, oddNames, readKey } from './operator.ts';

let folder: string;
const relaxed = '[auth]\nsessions_per_minute = 10000\nmax_sessions_per_user = 10\n';

let game: Game;
const start = async (toml = relaxed, where?: string) => (game = await gameWithKeys(toml, where));

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  await game.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function sessionOf(userId: string): Promise<any> {
  const { body } = await ask(game, `/sessions?userId=${encodeURIComponent(userId)}`);
  return body.items[0];
}

describe('the list of sessions', () => {
  test('has six fields of each, and of a token nothing', async () => {
    await start();
    const granted = await game.session('alice');
    const { status, body, headers } = await ask(game, '/sessions', {
      headers: { 'X-API-Key': readKey },
    });
    expect([status, headers['cache-control'], body.next]).toEqual([200, 'no-store', null]);
    const [{ id, createdAt, lastSeenAt, ...rest }, ...others] = body.items;
    expect(others).toEqual([]);
    expect(rest).toEqual({
      userId: 'alice',
      expiresAt: granted.expiresAt,
      clientAddress: '127.0.0.1',
    });
    expect(id).toMatch(/^[\w-]{16}$/);
    expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(60_000);
    expect(lastSeenAt).toBe(createdAt);
    const digest = new Bun.CryptoHasher('sha256').update(granted.token).digest('base64url');
    for (const hidden of [granted.token, digest]) {
      expect(JSON.stringify(body)).not.toContain(hidden);
      expect(hidden).not.toContain(id);
    }
  });

  test('is the same after a stop, and after an end without a word', async () => {
    await start(relaxed, folder);
    await game.session('alice');
    await game.session('bob');
    const before = (await ask(game, '/sessions')).body;
    await game.stop();
    await start(relaxed, folder);
    expect((await ask(game, '/sessions')).body).toEqual(before);
    await game.server.stop('SIGKILL');
    await start(relaxed, folder);
    expect((await ask(game, '/sessions')).body).toEqual(before);
  });

  test('of one user, whatever it is called', async () => {
    await start();
    for (const userId of [...oddNames, 'alice', 'alice']) await game.session(userId);
    for (const userId of oddNames) expect(await sessionOf(userId)).toMatchObject({ userId });
    const { body } = await ask(game, '/sessions?userId=alice&limit=1');
    expect([body.items.length, body.next === null]).toEqual([1, false]);
    const rest = await ask(game, `/sessions?userId=alice&limit=1&cursor=${body.next}`);
    expect([rest.body.items.length, rest.body.next]).toEqual([1, null]);
    expect(rest.body.items[0].id).not.toBe(body.items[0].id);
  });

  test('loses nobody and shows nobody twice in pages while sessions begin and end', async () => {
    await start();
    const all = await Promise.all(Array.from({ length: 250 }, (_, n) => game.session(`user-${n}`)));
    const steady = all.filter((_, n) => n % 5 !== 0).map(({ userId }) => userId);
    const passing = all.filter((_, n) => n % 5 === 0);
    const listed = await allOf(game, '/sessions', 20, async (page) => {
      for (const { token } of passing.splice(0, 4)) await game.answer({ type: 'logout', token });
      if (page < 5) await game.session(`late-${page}`);
    });
    const users = listed.map(({ userId }) => userId);
    expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
    expect(users.filter((userId) => steady.includes(userId)).sort()).toEqual(steady.sort());
    for (let n = 0; n < 5; n++) expect(users).toContain(`late-${n}`);
  });
});

describe('who ends a session', () => {
  test('needs a key of the role admin', async () => {
    await start();
    await game.session('alice');
    const { id } = await sessionOf('alice');
    const path = `/sessions/${id}`;
    const without = await ask(game, path, {
      method: 'DELETE',
      headers: { 'X-API-Key': undefined! },
    });
    expect([without.status, without.body.error.code]).toEqual([401, 'unauthorized']);
    expect(await act(game, 'DELETE', path, undefined, 'a-wrong-one')).toEqual([
      401,
      'unauthorized',
    ]);
    expect(await act(game, 'DELETE', path, undefined, readKey)).toEqual([403, 'forbidden']);
    expect(await sessionOf('alice')).toMatchObject({ id });
    expect(await act(game, 'DELETE', path)).toEqual([200, { ended: true }]);
    expect(await act(game, 'DELETE', path)).toEqual([404, 'not_found']);
    expect(await act(game, 'DELETE', '/sessions/%00%2F..')).toEqual([404, 'not_found']);
    const acted = game.server.events.filter(({ event }) => event === 'operator_acted');
    expect(acted).toMatchObject([{ by: 'boss', act: 'DELETE /sessions/{id}', id }]);
    expect(game.server.output).not.toContain(adminKey);
  });

  test('closes the socket that uses it, makes its token worthless, and for good', async () => {
    await start(relaxed, folder);
    const { token } = await game.session('alice');
    const other = await game.session('alice');
    const player = await game.player('alice', { token });
    const bob = await game.player('bob');
    const { id } = await sessionOf('alice');
    expect(await act(game, 'DELETE', `/sessions/${id}`)).toEqual([200, { ended: true }]);
    expect(await player.ended()).toEqual({ code: 4401, reason: 'logged out' });
    expect(await game.isValid(token)).toBe(false);
    await game.server.stop('SIGKILL');
    expect(bob.closed?.code).not.toBe(4401);
    await start(relaxed, folder);
    expect(await game.isValid(token)).toBe(false);
    expect(await game.isValid(other.token)).toBe(true);
  });
});

describe("who forgets a user's secret", () => {
  test('names the user in the path, whatever it is called', async () => {
    await start(`${relaxed}hashes_waiting = 100\n`);
    await Promise.all(oddNames.map((userId) => game.session(userId, { secret })));
    for (const userId of oddNames) {
      const path = `/users/${encodeURIComponent(userId).replaceAll('.', '%2e')}/secret`;
      expect(await act(game, 'DELETE', path)).toEqual([200, { unbound: true, sessionsEnded: 1 }]);
      expect(await act(game, 'DELETE', path)).toEqual([404, 'not_found']);
      await game.session(userId);
    }
  });

  test('needs a key of the role admin', async () => {
    await start();
    await game.session('alice', { secret });
    const path = '/users/alice/secret';
    const without = await ask(game, path, {
      method: 'DELETE',
      headers: { 'X-API-Key': undefined! },
    });
    expect(without.status).toBe(401);
    expect(await act(game, 'DELETE', path, undefined, readKey)).toEqual([403, 'forbidden']);
    expect(await game.answer({ type: 'auth', userId: 'alice' })).toMatchObject({ status: 401 });
    expect(await act(game, 'DELETE', '/users/bob/secret')).toEqual([404, 'not_found']);
    expect(await act(game, 'DELETE', '/users/%zz/secret')).toEqual([404, 'not_found']);
  });

  test('disconnects whoever bound it, who cannot bind again by its token, and for good', async () => {
    await start(relaxed, folder);
    const { token } = await game.session('alice', { secret });
    const thief = await game.player('alice', { token });
    expect(await act(game, 'DELETE', '/users/alice/secret')).toEqual([
      200,
      { unbound: true, sessionsEnded: 1 },
    ]);
    expect(await thief.ended()).toEqual({ code: 4401, reason: 'logged out' });
    await game.server.stop('SIGKILL');
    await start(relaxed, folder);
    const owner = await game.session('alice', { secret: `${secret}-of-the-owner` });
    expect(await game.isValid(owner.token)).toBe(true);
    const again = await game.answer({ type: 'auth', userId: 'alice', secret, token });
    expect(again.status).toBe(401);
  });
});

test('the numbers and the events tell what begins and ends, with users and without tokens', async () => {
  await start();
  const { token } = await game.session('alice', { secret });
  await game.session('bob');
  await game.answer({ type: 'validate', token: 'guessed' });
  const { id } = await sessionOf('bob');
  await act(game, 'DELETE', `/sessions/${id}`);
  await game.answer({ type: 'logout', token });
  expect(await metric(game, 'moonstead_sessions_sessions')).toBe(0);
  expect(await metric(game, 'moonstead_sessions_claims')).toBe(1);
  expect(await metric(game, 'moonstead_sessions_begun_total')).toBe(2);
  for (const why of ['logout', 'revoked'])
    expect(await metric(game, `moonstead_sessions_ended_total{why="${why}"}`)).toBe(1);
  expect(await metric(game, 'moonstead_sessions_refused_total{reason="unknown_token"}')).toBe(1);
  expect(await metric(game, 'moonstead_sessions_hash_seconds_count')).toBe(1);
  const { body } = await ask(game, '/logs?part=sessions');
  const told = body.items.filter(({ event }: any) => event.startsWith('session_')).reverse();
  expect(told).toMatchObject([
    { level: 'info', event: 'session_begun', userId: 'alice' },
    { level: 'info', event: 'session_begun', userId: 'bob', id },
    { level: 'info', event: 'session_ended', userId: 'bob', id, why: 'revoked' },
    { level: 'info', event: 'session_ended', userId: 'alice', why: 'logout' },
  ]);
  expect(JSON.stringify(body)).not.toContain(token);
  await until('the events in the output', () => game.server.output.includes('session_ended'));
});
