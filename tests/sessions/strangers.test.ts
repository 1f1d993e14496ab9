import { describe, expect, test } from 'bun:test';
import type { SessionsLimits } from '../../src/sessions/sessions.ts';
import { hashOf, Stage } from './stage.ts';

const busy = 'Too much to do, try later.';
const tooManyMade =
  'Too many new sessions from this address, try later (auth.sessions_per_minute).';

describe('a stranger who has many secrets hashed', () => {
  /** A run in which `owner` has the secret `right`, and nothing is hashed from then on. */
  async function held(limits: Partial<SessionsLimits> = {}): Promise<Stage> {
    const stage = await Stage.start({ hashesWaitingMax: 16, ...limits });
    await stage.auth('owner', { secret: 'right' });
    stage.holdsHashes = true;
    return stage;
  }

  /** How many of so many are told to try later at once. */
  async function refusedOf(stage: Stage, count: number, addressOf: (n: number) => string) {
    let refused = 0;
    for (let n = 0; n < count; n++)
      void stage
        .told(stage.auth(`s${n}`, { secret: 'x' }, addressOf(n)))
        .then((told) => (refused += Number(told === busy)));
    await stage.clock.run(0);
    return refused;
  }

  async function finish(stage: Stage): Promise<void> {
    while (stage.hashing.length > 0) {
      stage.hashing.shift()!();
      await stage.clock.run(0);
    }
  }

  test('holds an eighth of the places: an owner elsewhere gets in', async () => {
    const stage = await held();
    expect(await refusedOf(stage, 90, () => 'evil')).toBe(86);
    const owner = stage.told(stage.auth('owner', { secret: 'right' }));
    await finish(stage);
    expect(await owner).toBe('granted');
  });

  test('holds an eighth also with as many addresses of one network as it likes', async () => {
    const stage = await held();
    const refused = await refusedOf(stage, 90, (n) => `2001:db8:1:1::${(n + 1).toString(16)}`);
    expect(refused).toBe(86);
    await finish(stage);
  });

  test('by guessing holds an eighth, too', async () => {
    const stage = await held({ guessesPerUser: 100, guessesPerAddress: 100 });
    const guesses = Array.from({ length: 20 }, () =>
      stage.told(stage.auth('owner', { secret: 'x' }, 'evil')),
    );
    await stage.clock.run(0);
    const owner = stage.told(stage.auth('owner', { secret: 'right' }));
    await finish(stage);
    const told = await Promise.all(guesses);
    expect(told.filter((one) => one === busy)).toHaveLength(16);
    expect(await owner).toBe('granted');
  });

  test('has none hashed past the sessions that it may make', async () => {
    const stage = await held({ perMinute: 3, hashesAtOnce: 100 });
    const told = Array.from({ length: 5 }, (_, n) =>
      stage.told(stage.auth(`s${n}`, { secret: 'x' }, 'evil')),
    );
    told.push(stage.told(stage.auth('owner', { secret: 'right' }, 'evil')));
    await stage.clock.run(0);
    expect(stage.hashing).toHaveLength(3);
    await finish(stage);
    expect((await Promise.all(told)).toSorted()).toEqual([
      ...Array(3).fill(tooManyMade),
      ...Array(3).fill('granted'),
    ]);
  });
});

test('what is refused does not count as a session that was made', async () => {
  const stage = await Stage.start({ perMinute: 2 });
  await stage.auth('owner', { secret: 'right' });
  for (let n = 0; n < 3; n++) {
    expect(await stage.told(stage.auth('owner', {}, 'x'))).toContain('it is needed');
    expect(await stage.told(stage.auth('owner', { secret: 'x' }, 'x'))).toBe('Wrong secret.');
  }
  for (let n = 0; n < 2; n++)
    expect(await stage.told(stage.auth('owner', { secret: 'right' }, 'x'))).toBe('granted');
  expect(await stage.told(stage.auth('owner', { secret: 'right' }, 'x'))).toBe(tooManyMade);
});

test('guesses and new sessions of one IPv6 network count together', async () => {
  const stage = await Stage.start({ guessesPerUser: 2, perMinute: 3 });
  await stage.auth('owner', { secret: 'right' });
  const from = (n: number) => `2001:db8:1:1::${n}`;
  const guess = (n: number) => stage.told(stage.auth('owner', { secret: 'x' }, from(n)));
  expect([await guess(1), await guess(2), await guess(3)]).toEqual([
    'Wrong secret.',
    'Wrong secret.',
    'Too many wrong secrets, try later.',
  ]);
  expect(stage.events.at(-1)).toBe('warn secret_refused 2001:db8:1:1::2');
  const made = (n: number) => stage.told(stage.auth(`user ${n}`, {}, from(n)));
  expect([await made(1), await made(2), await made(3)]).toEqual(Array(3).fill('granted'));
  expect(await made(4)).toBe(tooManyMade);
  expect(await stage.told(stage.auth('other', {}, '2001:db8:1:2::1'))).toBe('granted');
});

describe('a claim', () => {
  const claims = (stage: Stage) => stage.inner.records.all('claims');

  test.each<[string, Partial<SessionsLimits>]>([
    ['auth.sessions_per_minute', { perMinute: 1 }],
    ['auth.sessions_max', { sessionsMax: 1 }],
    ['auth.claims_max', { claimsMax: 0 }],
  ])('is not made, and nothing hashed, when %s has no room', async (name, limits) => {
    const stage = await Stage.start(limits);
    await stage.auth('other');
    stage.holdsHashes = true;
    expect(await stage.told(stage.auth('alice', { secret: 's' }))).toContain(name);
    expect([stage.hashing.length, await claims(stage)]).toEqual([0, []]);
  });

  test('is not made when there is no room any more once it is hashed', async () => {
    const stage = await Stage.start({ claimsMax: 1 });
    stage.holdsHashes = true;
    const both = ['alice', 'bob'].map((userId) => stage.told(stage.auth(userId, { secret: 's' })));
    await stage.clock.run(0);
    for (const go of stage.hashing) go();
    expect(await Promise.all(both)).toEqual([
      'granted',
      'Too many users have a secret (auth.claims_max).',
    ]);
    expect([stage.sessions.size, (await claims(stage)).length]).toEqual([1, 1]);
  });

  test('or a session on its way takes its place of sessions_max', async () => {
    const stage = await Stage.start({ sessionsMax: 2 });
    const secrets = [{ secret: 's' }, {}, { secret: 's' }, {}];
    const asked = secrets.map((more, n) => stage.told(stage.auth(`user ${n}`, more)));
    expect((await Promise.all(asked)).filter((told) => told === 'granted')).toHaveLength(2);
    expect(stage.sessions.size).toBe(2);
  });

  test('past claims_max is refused by name, and those that were made go on', async () => {
    const stage = await Stage.start({ claimsMax: 1 });
    await stage.auth('alice', { secret: 's' });
    const full = 'Too many users have a secret (auth.claims_max).';
    expect(await stage.told(stage.auth('bob', { secret: 's' }))).toBe(full);
    expect(await stage.told(stage.auth('alice', { secret: 's' }))).toBe('granted');
    expect(await stage.told(stage.auth('bob'))).toBe('granted');
    await stage.sessions.unbind('alice');
    expect(await stage.told(stage.auth('carol', { secret: 's' }))).toBe('granted');
  });

  test.each(['sessions', 'claims'])('is not made when its %s cannot be written', async (set) => {
    const stage = await Stage.start();
    stage.isFull = set;
    expect(await stage.told(stage.auth('alice', { secret: 'x' }))).toContain('cannot write');
    expect([await claims(stage), stage.sessions.claimCount]).toEqual([[], 0]);
    stage.isFull = false;
    expect(await stage.told(stage.auth('alice'))).toBe('granted');
    await stage.restart();
    expect(stage.sessions.size).toBe(1);
  });

  test('that could not be undone is undone as soon as that can be', async () => {
    const stage = await Stage.start({ claimsMax: 1 });
    const { put } = stage.inner.records;
    stage.inner.records.put = async (set, records) => {
      await put(set, records);
      // From here on nothing can be written, for a while.
      stage.isFull = true;
    };
    expect(await stage.told(stage.auth('alice', { secret: 'x' }))).toContain('cannot write');
    stage.inner.records.put = put;
    expect(await claims(stage)).toEqual([{ key: 'alice', text: hashOf('x') }]);
    await stage.clock.run(5_000);
    stage.isFull = false;
    expect(await stage.told(stage.auth('bob', { secret: 's' }))).toContain('auth.claims_max');
    await stage.clock.run(2_000);
    expect(await claims(stage)).toEqual([]);
    expect(await stage.told(stage.auth('alice', { secret: 'mine' }))).toBe('granted');
    await stage.clock.run(2_000);
    expect(await claims(stage)).toEqual([{ key: 'alice', text: hashOf('mine') }]);
  });
});

describe('a user without a secret', () => {
  const bind = (stage: Stage, token: string) =>
    stage.told(stage.auth('alice', { secret: 'x', token }));

  test('is bound with the token of the oldest session only', async () => {
    const stage = await Stage.start();
    const own = await stage.auth('alice');
    const stranger = await stage.auth('alice', {}, 'evil');
    expect(await bind(stage, stranger.token)).toContain('the token of the oldest is needed');
    expect(await bind(stage, own.token)).toBe('granted');
  });

  test('keeps a session that is in use, whoever comes without a secret', async () => {
    const stage = await Stage.start({ perUserMax: 2 });
    const own = await stage.auth('alice');
    const ended: string[] = [];
    const use = stage.sessions.enter(own.token, () => ended.push('own'))!;
    const strangers = [];
    for (let n = 0; n < 3; n++) strangers.push(await stage.auth('alice', {}, 'evil'));
    expect(ended).toEqual([]);
    const valid = [own, ...strangers].map(({ token }) => stage.told(stage.ask('validate', token)));
    expect(await Promise.all(valid)).toEqual([
      'granted',
      'Invalid session token',
      'Invalid session token',
      'granted',
    ]);
    expect(await bind(stage, strangers[2].token)).toContain('the token of the oldest is needed');
    use.leave();
    await stage.auth('alice');
    expect(await stage.told(stage.ask('validate', own.token))).toBe('Invalid session token');
  });

  test('gets no further session while all are in use; with the secret the oldest goes', async () => {
    const stage = await Stage.start({ perUserMax: 1 });
    const { token } = await stage.auth('alice');
    const ended: string[] = [];
    stage.sessions.enter(token, () => ended.push('first'));
    const inUse = 'All sessions of this user are in use (auth.max_sessions_per_user).';
    expect(await stage.told(stage.auth('alice'))).toBe(inUse);
    expect(ended).toEqual([]);
    expect(await bind(stage, token)).toBe('granted');
    expect(ended).toEqual(['first']);
  });
});
