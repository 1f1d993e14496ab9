import { describe, expect, test } from 'bun:test';
import type { SessionsLimits } from '../../src/sessions/sessions.ts';
import { hashOf, Stage } from './stage.ts';

describe('a session', () => {
  test('is granted to a user, and valid until it is logged out', async () => {
    const stage = await Stage.start();
    const { token, userId, expiresAt } = await stage.auth('alice');
    expect([userId, expiresAt]).toEqual(['alice', '2026-01-01T00:01:40.000Z']);
    expect(await stage.ask('validate', token)).toEqual({ userId: 'alice', expiresAt });
    expect(await stage.ask('logout', token)).toEqual({});
    for (const type of ['validate', 'refresh', 'logout'] as const)
      expect(await stage.told(stage.ask(type, token))).toBe('Invalid session token');
    expect(await stage.told(stage.ask('validate', 'guessed'))).toBe('Invalid session token');
  });

  test('lives on with each use, and ends without one', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    for (let n = 0; n < 5; n++) {
      await stage.clock.run(90_000);
      expect(await stage.told(stage.ask(n % 2 ? 'validate' : 'refresh', token))).toBe('granted');
    }
    await stage.clock.run(99_999);
    expect(await stage.told(stage.ask('validate', token))).toBe('granted');
    await stage.clock.run(100_000);
    expect(await stage.told(stage.ask('validate', token))).toBe('Invalid session token');
    await stage.clock.run(2_000);
    expect(stage.sessions.size).toBe(0);
    expect(await stage.inner.records.all('sessions')).toEqual([]);
  });

  test('and its new end survive a restart; what is answered is what was stored', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    const out = await stage.auth('bob');
    await stage.clock.run(60_000);
    const { expiresAt } = await stage.ask('refresh', token);
    expect(expiresAt).toBe('2026-01-01T00:02:40.000Z');
    await stage.ask('logout', out.token);
    await stage.restart();
    await stage.clock.run(99_000);
    expect(await stage.ask('validate', token)).toMatchObject({ userId: 'alice' });
    expect(await stage.told(stage.ask('validate', out.token))).toBe('Invalid session token');
  });

  test('is kept as a digest only', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    const kept = JSON.stringify(await stage.inner.records.all('sessions'));
    expect(kept).toContain(`digest of ${token}`);
    expect(kept.replaceAll(`digest of ${token}`, '')).not.toContain(token);
  });

  test('too many of one user end the oldest, also those of one turn', async () => {
    const stage = await Stage.start({ perUserMax: 2 });
    const made = await Promise.all(['alice', 'alice', 'bob', 'alice'].map((id) => stage.auth(id)));
    const told = made.map(({ token }) => stage.told(stage.ask('validate', token)));
    expect(await Promise.all(told)).toEqual([
      'Invalid session token',
      'granted',
      'granted',
      'granted',
    ]);
    expect(await stage.inner.records.all('sessions')).toHaveLength(3);
  });

  test('too many in all, and too many of one address, are refused for now', async () => {
    const stage = await Stage.start({ sessionsMax: 3, perMinute: 2 });
    const told = async (userId: string, address: string) =>
      stage.told(stage.auth(userId, {}, address));
    const full = 'Too many new sessions from this address, try later (auth.sessions_per_minute).';
    expect(await told('a', 'x')).toBe('granted');
    expect(await told('b', 'x')).toBe('granted');
    expect(await told('c', 'x')).toBe(full);
    expect(await stage.auth('c', {}, 'x')).toMatchObject({ retryAfterS: 60 });
    expect(await told('c', 'y')).toBe('granted');
    expect(await told('d', 'y')).toBe('Too many sessions (auth.sessions_max).');
    await stage.clock.run(60_000);
    expect(await told('a', 'x')).toBe('Too many sessions (auth.sessions_max).');
  });
});

describe('when the store cannot write', () => {
  test('nothing is granted that a restart would forget', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    await stage.clock.run(10_000);
    stage.isFull = true;
    const full = 'The store cannot write, try later.';
    expect(await stage.told(stage.auth('bob'))).toBe(full);
    expect(await stage.told(stage.auth('carol', { secret: 's' }))).toBe(full);
    expect(await stage.told(stage.ask('refresh', token))).toBe(full);
    expect(await stage.told(stage.ask('logout', token))).toBe(full);
    // To be valid is no promise: it is told what is stored.
    const { expiresAt } = await stage.ask('validate', token);
    expect(expiresAt).toBe('2026-01-01T00:01:40.000Z');
    stage.isFull = false;
    expect(await stage.told(stage.auth('carol', { secret: 'another' }))).toBe('granted');
    expect(await stage.told(stage.ask('logout', token))).toBe('granted');
  });

  test('a use beside a logout does not bring the session back', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    await stage.clock.run(10_000);
    const out = stage.ask('logout', token);
    const used = stage.ask('refresh', token);
    expect(await stage.told(out)).toBe('granted');
    expect(await stage.told(used)).toBe('Invalid session token');
    await stage.restart();
    expect(await stage.told(stage.ask('validate', token))).toBe('Invalid session token');
  });
});

describe('a secret', () => {
  const needed = 'This user has a secret: it is needed.';

  test('binds a user with the first auth that has one; from then on it is needed', async () => {
    const stage = await Stage.start();
    expect(await stage.told(stage.auth('alice', { secret: 's' }))).toBe('granted');
    for (let n = 0; n < 2; n++) {
      expect(await stage.told(stage.auth('alice'))).toBe(needed);
      expect(await stage.told(stage.auth('alice', { secret: 'x' }))).toBe('Wrong secret.');
      expect(await stage.told(stage.auth('alice', { secret: 's' }))).toBe('granted');
      await stage.restart();
    }
    expect(await stage.inner.records.all('claims')).toEqual([{ key: 'alice', text: hashOf('s') }]);
  });

  test('is not bound by a stranger beside a live session, but by who has its token', async () => {
    const stage = await Stage.start();
    const { token } = await stage.auth('alice');
    const other = await stage.auth('mallory');
    const tokenNeeded =
      'This user has a session: the token of the oldest is needed to bind a secret.';
    expect(await stage.told(stage.auth('alice', { secret: 'evil' }))).toBe(tokenNeeded);
    expect(await stage.told(stage.auth('alice', { secret: 'evil', token: other.token }))).toBe(
      tokenNeeded,
    );
    expect(await stage.told(stage.auth('alice', { secret: 'evil', token: 'x' }))).toBe(tokenNeeded);
    expect(await stage.told(stage.auth('alice', { secret: 'mine', token }))).toBe('granted');
    expect(await stage.told(stage.auth('alice', { secret: 'evil' }))).toBe('Wrong secret.');
  });

  test('of two that bind at once the first wins, and the other has shown a wrong one', async () => {
    const stage = await Stage.start();
    const answers = ['1', '2'].map((secret) => stage.told(stage.auth('alice', { secret })));
    expect(await Promise.all(answers)).toEqual(['granted', 'Wrong secret.']);
    expect(await stage.inner.records.all('claims')).toEqual([{ key: 'alice', text: hashOf('1') }]);
  });

  test('of many who bind the same at once is right for all of them', async () => {
    const stage = await Stage.start();
    const answers = [1, 2, 3].map(() => stage.told(stage.auth('alice', { secret: 's' })));
    expect(await Promise.all(answers)).toEqual(['granted', 'granted', 'granted']);
    expect(stage.sessions.size).toBe(3);
  });

  test('of a session that came while it was hashed is not bound without its token', async () => {
    const stage = await Stage.start();
    stage.holdsHashes = true;
    const evil = stage.auth('alice', { secret: 'evil' });
    await stage.clock.run(0);
    expect(await stage.told(stage.auth('alice'))).toBe('granted');
    stage.hashing[0]!();
    expect(await stage.told(evil)).toContain('the token of the oldest is needed');
    expect(await stage.inner.records.all('claims')).toEqual([]);
  });

  test('can be required of everybody', async () => {
    const stage = await Stage.start({ requireSecret: true });
    expect(await stage.told(stage.auth('alice'))).toContain('auth.require_secret');
    expect(await stage.told(stage.auth('alice', { secret: 's' }))).toBe('granted');
  });
});

describe('guessing', () => {
  const later = 'Too many wrong secrets, try later.';

  async function bound(limits: Partial<SessionsLimits> = {}): Promise<Stage> {
    const stage = await Stage.start(limits);
    for (const name of ['alice', 'bob', 'carol', 'dave', 'eve'])
      await stage.auth(name, { secret: 'right' });
    return stage;
  }

  test('is limited by address and user; the owner gets in from elsewhere, and later', async () => {
    const stage = await bound();
    for (let n = 0; n < 5; n++)
      expect(await stage.told(stage.auth('alice', { secret: 'x' }, 'evil'))).toBe('Wrong secret.');
    expect(await stage.auth('alice', { secret: 'right' }, 'evil')).toMatchObject({
      refusal: { message: later },
      retryAfterS: 900,
    });
    expect(await stage.told(stage.auth('alice', { secret: 'right' }))).toBe('granted');
    await stage.clock.run(900_000);
    expect(await stage.told(stage.auth('alice', { secret: 'right' }, 'evil'))).toBe('granted');
  });

  test('is limited by address over all users', async () => {
    const stage = await bound({ guessesPerAddress: 7 });
    const told = [];
    for (const name of ['alice', 'bob', 'carol', 'dave', 'eve', 'alice', 'bob', 'carol'])
      told.push(await stage.told(stage.auth(name, { secret: 'x' }, 'evil')));
    expect(told).toEqual([...Array(7).fill('Wrong secret.'), later]);
  });

  test('many at once get no further, and right ones do not count', async () => {
    const stage = await bound({ hashesAtOnce: 100 });
    const told = await Promise.all(
      Array.from({ length: 30 }, () => stage.told(stage.auth('alice', { secret: 'x' }, 'evil'))),
    );
    expect(told.filter((one) => one === 'Wrong secret.')).toHaveLength(5);
    expect(told.filter((one) => one === later)).toHaveLength(25);
    for (let n = 0; n < 10; n++)
      expect(await stage.told(stage.auth('bob', { secret: 'right' }))).toBe('granted');
  });

  test('hashes are made two at a time; who finds the line full comes later, uncounted', async () => {
    const stage = await bound();
    stage.holdsHashes = true;
    const all = Array.from({ length: 6 }, (_, n) =>
      stage.told(stage.auth('alice', { secret: 'right' }, `address ${n}`)),
    );
    await stage.clock.run(0);
    expect(stage.hashing).toHaveLength(2);
    expect(await all[5]!).toBe('Too much to do, try later.');
    for (let n = 0; n < 5; n++) {
      stage.hashing[n]!();
      await stage.clock.run(0);
    }
    expect(await Promise.all(all.slice(0, 5))).toEqual(Array(5).fill('granted'));
    expect(stage.hashing).toHaveLength(5);
  });

  test('is told in the log by address, and nothing of secrets, tokens or hashes is', async () => {
    const stage = await bound();
    await stage.auth('alice', { secret: 'x' }, '203.0.113.9');
    expect(stage.events.at(-1)).toBe('warn secret_refused 203.0.113.9');
    expect(stage.events.join()).not.toMatch(/right|argon2id|digest/);
  });
});
