import { describe, expect, test } from 'bun:test';
import { AuthSockets } from '../../src/sessions/auth-sockets.ts';
import { sessionsShown } from '../../src/sessions/shown.ts';
import type { Shown } from '../../src/shown.ts';
import { pageOf } from '../../src/status/paging.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { Stage } from './stage.ts';

function shownOf({ clock, sessions }: Stage): Shown {
  const limits = { handshakeTimeoutMs: 10_000, pingIntervalMs: 30_000, jsonDepthMax: 64 };
  return sessionsShown(sessions, new AuthSockets({ clock, sessions }, limits));
}

function listed(stage: Stage, query = ''): any {
  return pageOf(shownOf(stage).lists![0]!, new URLSearchParams(query));
}

function meter(stage: Stage, name: string): any {
  return shownOf(stage)
    .meters.find((one) => one.name === name)!
    .read();
}

function act(stage: Stage, method: string, params: Record<string, string>): Promise<any> {
  const path = 'id' in params ? '/sessions/{id}' : '/users/{userId}/secret';
  const action = shownOf(stage).actions!.find((one) => one.path === path && one.method === method)!;
  return action.act(params, undefined);
}

describe('the list', () => {
  test('has the six fields of each session, oldest first, and neither token nor digest', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice', {}, '192.0.2.7');
    await stage.clock.run(10_000);
    await stage.auth('bob');
    const { items, next } = listed(stage);
    expect(items[0]).toEqual({
      id: 'id of token-1',
      userId: 'alice',
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T00:01:40.000Z',
      lastSeenAt: '2026-01-01T00:00:00.000Z',
      clientAddress: '192.0.2.7',
    });
    expect([items[1].userId, items.length, next]).toEqual(['bob', 2, null]);
    const digest = stage.secrets.digest(token);
    expect(JSON.stringify(items)).not.toContain(digest);
  });

  test('of one user', async () => {
    const stage = await Stage.start();
    for (const userId of ['alice', 'bob', 'alice']) await stage.auth(userId);
    const { items } = listed(stage, 'userId=alice');
    expect(items.map(({ id }: any) => id)).toEqual(['id of token-1', 'id of token-3']);
    expect(listed(stage, 'userId=nobody').items).toEqual([]);
  });

  test('of one user asks who that is, and looks at nobody else, in pages too', async () => {
    const stage = await Stage.start({ perUserMax: 10 });
    for (const userId of ['alice', 'bob', 'alice', 'bob', 'alice']) await stage.auth(userId);
    const [list] = shownOf(stage).lists!;
    const items = () => {
      throw new Error('it looks at all of them');
    };
    const got = (query: string): any =>
      pageOf({ ...list!, items }, new URLSearchParams(`userId=alice${query}`));
    const first = got('&limit=2');
    const ids = [first, got(`&cursor=${first.next}`)].map((page) =>
      page.items.map(({ id }: any) => id),
    );
    expect(ids).toEqual([['id of token-1', 'id of token-3'], ['id of token-5']]);
    expect(got('&cursor=zzzz')).toEqual({ items: [], next: null });
    await stage.clock.run(100_000);
    expect(got('').items).toEqual([]);
  });

  test('is without those that are over', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    await stage.auth('bob');
    await stage.ask('logout', token);
    expect(listed(stage).items.map(({ userId }: any) => userId)).toEqual(['bob']);
    await stage.clock.run(100_000);
    expect(listed(stage).items).toEqual([]);
  });

  test('says when each was last seen: by a use, by a connection, and to the end of that', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    const seen = () => listed(stage).items[0].lastSeenAt.slice(14, 19);
    await stage.clock.run(500);
    await stage.ask('validate', token);
    expect(listed(stage).items[0].lastSeenAt).toBe('2026-01-01T00:00:00.500Z');
    const inUse = stage.sessions.enter(token, () => {})!;
    await stage.clock.run(299_500);
    expect(seen()).toBe('05:00');
    inUse.leave();
    await stage.clock.run(60_000);
    expect(seen()).toBe('05:00');
  });

  test('keeps its order, addresses and times through a restart', async () => {
    const stage = await Stage.start();
    await stage.auth('zoe', {}, '192.0.2.1');
    await stage.clock.run(10_000);
    const { token } = await stage.auth('alice', {}, '192.0.2.2');
    await stage.clock.run(30_000);
    await stage.ask('refresh', token);
    const before = listed(stage);
    expect(before.items[1].lastSeenAt).toBe('2026-01-01T00:00:40.000Z');
    await stage.restart();
    expect(listed(stage)).toEqual(before);
  });

  test('has sessions of an earlier version, whose records say neither whence nor when seen', async () => {
    const store = memoryStore();
    const text = (createdMs: number, expiresMs: number) =>
      JSON.stringify({ userId: 'alice', createdMs, expiresMs });
    const startMs = Date.parse('2026-01-01T00:00:00Z');
    await store.records.put('sessions', [
      { key: 'digest of a', text: text(startMs - 50_000, startMs + 80_000) },
      { key: 'digest of b', text: text(startMs - 40_000, startMs + 900_000) },
    ]);
    const stage = await Stage.start({}, store);
    expect(listed(stage).items).toMatchObject([
      { id: 'id of a', lastSeenAt: '2025-12-31T23:59:40.000Z', clientAddress: null },
      { id: 'id of b', lastSeenAt: '2026-01-01T00:00:00.000Z', clientAddress: null },
    ]);
    expect(await stage.told(stage.ask('validate', 'a'))).toBe('granted');
  });

  test('looks at no more sessions than a page needs, however many there are', async () => {
    const stage = await Stage.start({ sessionsMax: 10_000, perMinute: 10_000 });
    for (let n = 0; n < 500; n++) await stage.auth(`user-${n}`);
    const [list] = shownOf(stage).lists!;
    let seen = 0;
    const numberOf = (item: any) => {
      seen += 1;
      return list!.numberOf(item);
    };
    pageOf({ ...list!, numberOf }, new URLSearchParams('limit=5'));
    expect(seen).toBeLessThan(20);
    // Nor is anything copied for that: what comes while somebody looks is seen.
    const looking = stage.sessions.alive()[Symbol.iterator]();
    looking.next();
    await stage.auth('late');
    const seenLater = [...{ [Symbol.iterator]: () => looking }];
    expect(seenLater.at(-1)!.userId).toBe('late');
  });
});

describe('to end a session', () => {
  test('is durable, closes its connections and makes its token worthless', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    const other = await stage.auth('alice');
    let closed = 0;
    stage.sessions.enter(token, () => (closed += 1));
    expect(await act(stage, 'DELETE', { id: 'id of token-1' })).toEqual({ ended: true });
    expect(closed).toBe(1);
    expect(await stage.inner.records.all('sessions')).toHaveLength(1);
    expect(await stage.told(stage.ask('validate', token))).toBe('Invalid session token');
    expect(await stage.told(stage.ask('validate', other.token))).toBe('granted');
    expect(stage.events.at(-1)).toBe('session_ended id of token-1 alice revoked');
  });

  test('that is not there, that is over, or that somebody else is ending, is nothing', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    await stage.auth('bob');
    expect(await act(stage, 'DELETE', { id: 'id of nobody' })).toBeUndefined();
    const twice = ['id of token-1', 'id of token-1'].map((id) => act(stage, 'DELETE', { id }));
    expect(await Promise.all(twice)).toEqual([{ ended: true }, undefined]);
    expect(await act(stage, 'DELETE', { id: stage.secrets.digest(token) })).toBeUndefined();
    await stage.clock.run(100_000);
    expect(await act(stage, 'DELETE', { id: 'id of token-2' })).toBeUndefined();
  });

  test('changes nothing when the store fails', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    stage.isFull = true;
    await expect(act(stage, 'DELETE', { id: 'id of token-1' })).rejects.toThrow('full');
    expect(listed(stage).items).toHaveLength(1);
    stage.isFull = false;
    expect(await stage.told(stage.ask('validate', token))).toBe('granted');
    expect(await act(stage, 'DELETE', { id: 'id of token-1' })).toEqual({ ended: true });
  });
});

describe("to forget a user's secret", () => {
  test('lets the next one bind, and leaves who bound it no token to do so', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice', { secret: 'thief' });
    await stage.auth('alice', { secret: 'thief' });
    const bob = await stage.auth('bob', { secret: 'of bob' });
    const done = await act(stage, 'DELETE', { userId: 'alice' });
    expect(done).toEqual({ unbound: true, sessionsEnded: 2 });
    expect(await stage.inner.records.all('claims')).toMatchObject([{ key: 'bob' }]);
    expect(await stage.told(stage.ask('validate', token))).toBe('Invalid session token');
    expect(await stage.told(stage.ask('validate', bob.token))).toBe('granted');
    await stage.restart();
    expect(await stage.told(stage.auth('alice', { secret: 'owner' }))).toBe('granted');
    expect(await stage.told(stage.auth('alice', { secret: 'thief', token }))).toBe('Wrong secret.');
    expect(await act(stage, 'DELETE', { userId: 'carol' })).toBeUndefined();
  });

  test('lets nobody in who showed it before and was still waiting', async () => {
    const stage = await Stage.start();
    await stage.auth('alice', { secret: 'thief' });
    stage.holdsHashes = true;
    const late = stage.auth('alice', { secret: 'thief' });
    await stage.clock.run(0);
    await act(stage, 'DELETE', { userId: 'alice' });
    stage.hashing.shift()!();
    expect(await stage.told(late)).toBe('Wrong secret.');
    expect(listed(stage).items).toEqual([]);
  });

  test('can be tried again when the store fails', async () => {
    const stage = await Stage.start();
    await stage.auth('alice', { secret: 's' });
    stage.isFull = true;
    await expect(act(stage, 'DELETE', { userId: 'alice' })).rejects.toThrow('full');
    stage.isFull = false;
    expect(await stage.told(stage.auth('alice'))).toBe('This user has a secret: it is needed.');
    expect(await act(stage, 'DELETE', { userId: 'alice' })).toMatchObject({ unbound: true });
  });
});

describe('the numbers', () => {
  test('count what begins and why it ends', async () => {
    const stage = await Stage.start({ perUserMax: 1 });
    const { token } = await stage.auth('alice');
    await stage.auth('bob');
    await stage.auth('bob');
    await stage.auth('carol');
    await stage.ask('logout', token);
    await act(stage, 'DELETE', { id: 'id of token-4' });
    expect(meter(stage, 'sessions')).toBe(1);
    await stage.clock.run(102_000);
    expect(meter(stage, 'begun_total')).toBe(4);
    expect(meter(stage, 'sessions')).toBe(0);
    expect(meter(stage, 'ended_total')).toEqual({
      logout: 1,
      expired: 1,
      replaced: 1,
      revoked: 1,
    });
    expect(stage.events.filter((event) => event.startsWith('session_'))).toEqual([
      'session_begun id of token-1 alice',
      'session_begun id of token-2 bob',
      'session_begun id of token-3 bob',
      'session_ended id of token-2 bob replaced',
      'session_begun id of token-4 carol',
      'session_ended id of token-1 alice logout',
      'session_ended id of token-4 carol revoked',
      'session_ended id of token-3 bob expired',
    ]);
  });

  test('count refusals by their names, claims, and secrets that wait to be hashed', async () => {
    const stage = await Stage.start();
    await stage.auth('alice', { secret: 's' });
    await stage.auth('alice', { secret: 'x' });
    await stage.auth('alice');
    for (let n = 0; n < 2; n++) await stage.ask('validate', 'guessed');
    expect(meter(stage, 'refused_total')).toMatchObject({
      wrong_secret: 1,
      secret_needed: 1,
      unknown_token: 2,
      busy: 0,
    });
    expect(meter(stage, 'claims')).toBe(1);
    stage.holdsHashes = true;
    const asked = ['b', 'c', 'd'].map((userId) => stage.auth(userId, { secret: 's' }));
    await stage.clock.run(0);
    expect(meter(stage, 'hashes_waiting')).toBe(1);
    for (let n = 0; n < 3; n++) {
      stage.hashing.shift()!();
      await stage.clock.run(0);
    }
    await Promise.all(asked);
    expect([meter(stage, 'hashes_waiting'), meter(stage, 'claims')]).toEqual([0, 4]);
  });
});
