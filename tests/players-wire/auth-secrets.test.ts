import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game, secret } from '../support/players.ts';

const game = new Game();
beforeAll(() => game.start());
afterEach(() => game.leave());
afterAll(() => game.stop());

const trusting = { trusted_proxies: ['127.0.0.1'] };
const auth = (userId: string, more: object = {}) => game.answer({ type: 'auth', userId, ...more });

describe('a claim', () => {
  test('is made by the first auth with a secret; from then on it takes the secret', async () => {
    expect(await auth('ada', { secret })).toMatchObject({ status: 200, success: true });
    expect(await auth('ada')).toEqual({
      status: 401,
      success: false,
      message: 'This user has a secret: it is needed.',
    });
    expect(await auth('ada', { secret: 'guessed' })).toEqual({
      status: 401,
      success: false,
      message: 'Wrong secret.',
    });
    expect(await auth('ada', { secret })).toMatchObject({ status: 200, userId: 'ada' });
    expect((await auth('Ada')).status).toBe(200);
  });

  test('beside live sessions takes the token of the oldest, and no other', async () => {
    const own = await game.session('bea');
    const later = await game.session('bea');
    const foreign = await game.session('eve');
    for (const token of [undefined, later.token, foreign.token, 'made-up'])
      expect(await auth('bea', { secret, token })).toEqual({
        status: 401,
        success: false,
        message: 'This user has a session: the token of the oldest is needed to bind a secret.',
      });
    expect((await auth('bea')).status).toBe(200);
    expect((await auth('bea', { secret, token: own.token })).status).toBe(200);
    expect((await auth('bea')).status).toBe(401);
  });

  test('is free again for nobody by logging out', async () => {
    const { token } = await game.session('cleo', { secret });
    await game.answer({ type: 'logout', token });
    expect((await auth('cleo')).status).toBe(401);
    expect((await auth('cleo', { secret: 'other' })).status).toBe(401);
    expect((await auth('cleo', { secret })).status).toBe(200);
  });

  test('of two at once goes to one of them, and the other secret is not it', async () => {
    const secrets = ['one', 'two'];
    const answers = await Promise.all(secrets.map((one) => auth('dora', { secret: one })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect((await auth('dora', { secret: secrets[1 - winner] })).status).toBe(401);
    expect((await auth('dora', { secret: secrets[winner] })).status).toBe(200);
  });

  test('with the same secret many times at once is granted each time', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => auth('dana', { secret })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('that is refused is not made', async () => {
    const few = new Game();
    await few.start({ auth: { sessions_per_minute: 1, claims_max: 1 }, server: trusting });
    try {
      await few.session('first');
      const refused = await few.answer({ type: 'auth', userId: 'victim', secret: 'x' });
      expect(refused).toMatchObject({ status: 429, message: expect.stringContaining('minute') });
      const owner = { 'X-Forwarded-For': '192.0.2.1' };
      expect(await few.answer({ type: 'auth', userId: 'victim', secret }, owner)).toMatchObject({
        status: 200,
      });
      const other = { 'X-Forwarded-For': '192.0.2.2' };
      expect(await few.answer({ type: 'auth', userId: 'next', secret }, other)).toEqual({
        status: 429,
        success: false,
        message: 'Too many users have a secret (auth.claims_max).',
      });
    } finally {
      await few.stop();
    }
  });
});

test('require_secret refuses users without one, by name, on every way in', async () => {
  const strict = new Game();
  await strict.start({ auth: { require_secret: true } });
  try {
    const message = 'A secret is required (auth.require_secret).';
    const refused = await strict.answer({ type: 'auth', userId: 'a' });
    expect(refused).toEqual({ status: 401, success: false, message });
    const socket = await strict.socket('/auth?userId=a');
    expect(await socket.next()).toEqual({ type: 'auth_result', success: false, message });
    expect((await strict.session('a', { secret })).userId).toBe('a');
    expect(strict.server.output).not.toContain('impersonat');
  } finally {
    await strict.stop();
  }
});

test('without require_secret the start says that users can be impersonated', () => {
  const notes = game.server.events.filter(({ event }) => event === 'note');
  expect(notes.map(({ warning }) => warning).join()).toMatch(/auth\.require_secret.*impersonat/);
});

describe('guessing', () => {
  const proxied = new Game();
  const settings = { guesses_per_user: 2, guesses_per_address: 4, guess_window: '2s' };
  beforeAll(() => proxied.start({ auth: settings, server: trusting }));
  afterAll(() => proxied.stop());

  const post = (ip: string, userId: string, secret: string) =>
    proxied.post({ type: 'auth', userId, secret }, { 'X-Forwarded-For': ip });
  const statuses = async (ip: string, userId: string, guesses: readonly string[]) => {
    const all: number[] = [];
    for (const guess of guesses) all.push((await post(ip, userId, guess)).status);
    return all;
  };

  test('is limited by address and user; the owner elsewhere, and others, get in', async () => {
    await proxied.session('owned', { secret });
    await proxied.session('other', { secret });
    expect(await statuses('192.0.2.1', 'owned', ['a', 'b', 'c'])).toEqual([401, 401, 429]);
    const refused = await post('192.0.2.1', 'owned', secret);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 3);
    expect(await refused.json()).toEqual({
      success: false,
      message: 'Too many wrong secrets, try later.',
    });
    expect((await post('192.0.2.2', 'owned', secret)).status).toBe(200);
    expect((await post('192.0.2.1', 'other', secret)).status).toBe(200);
    // Who spells the same address otherwise is the same.
    expect((await post('::ffff:192.0.2.1', 'owned', secret)).status).toBe(429);
    const again = () => post('192.0.2.1', 'owned', secret);
    await until('the window to end', async () => (await again()).status === 200);
  });

  test('is limited by address over all users', async () => {
    for (const userId of ['u1', 'u2', 'u3']) await proxied.session(userId, { secret });
    expect(await statuses('192.0.2.9', 'u1', ['a', 'b'])).toEqual([401, 401]);
    expect(await statuses('192.0.2.9', 'u2', ['a', 'b'])).toEqual([401, 401]);
    expect(await statuses('192.0.2.9', 'u3', ['a', secret])).toEqual([429, 429]);
    expect((await post('192.0.2.10', 'u3', secret)).status).toBe(200);
  });

  test('gets no further many at once, by sockets and by POST', async () => {
    await proxied.session('many', { secret });
    const from = { 'X-Forwarded-For': '192.0.2.20' };
    const socket = await proxied.socket('/auth', from);
    const guess = (i: number) => ({ type: 'auth', userId: 'many', secret: `guess ${i}` });
    socket.say(...Array.from({ length: 5 }, (_, i) => guess(i)));
    const posted = await Promise.all(
      Array.from({ length: 5 }, (_, i) => proxied.answer(guess(i + 5), from)),
    );
    await until('the answers', () => socket.frames.length === 5);
    const said = [...posted, ...socket.frames].map(({ message }) => message);
    expect(said.filter((message) => message === 'Wrong secret.')).toHaveLength(2);
    expect(said.filter((message) => message === 'Too many wrong secrets, try later.')).toHaveLength(
      8,
    );
    await proxied.leave();
  });

  test('counts the addresses of one IPv6 network together', async () => {
    await proxied.session('six', { secret });
    expect(await statuses('2001:db8:1:1::1', 'six', ['a'])).toEqual([401]);
    expect(await statuses('2001:db8:1:1::2', 'six', ['b'])).toEqual([401]);
    expect(await statuses('2001:db8:1:1:ffff::3', 'six', ['c'])).toEqual([429]);
    expect((await post('2001:db8:1:2::1', 'six', secret)).status).toBe(200);
  });

  test('is told in the log by address, without the user', () => {
    const told = proxied.server.events.filter(({ event }) => event === 'secret_refused');
    expect(told.length).toBeGreaterThan(0);
    expect(Object.keys(told[0]!).toSorted()).toEqual(['address', 'event', 'level', 'part', 'time']);
  });
});

test('an address that has its share of the hashes waiting keeps nobody else out', async () => {
  const crowded = new Game();
  await crowded.start({ auth: { hashes_waiting: 8 }, server: trusting });
  let isOver = false;
  try {
    await crowded.session('owner', { secret });
    let refused = 0;
    const strangers = Array.from({ length: 10 }, async (_, i) => {
      for (let n = 0; !isOver; n++) {
        const body = { type: 'auth', userId: `s${i}-${n}`, secret: 'x' };
        const { status } = await crowded.answer(body, { 'X-Forwarded-For': '192.0.2.1' });
        if (status === 429) refused += 1;
      }
    });
    await until('the share to be taken', () => refused > 0);
    for (let n = 0; n < 3; n++) await crowded.session('owner', { secret });
    isOver = true;
    await Promise.all(strangers);
  } finally {
    isOver = true;
    await crowded.stop();
  }
});

test('while thirty hashes wait others are answered, and who comes then is told to try later', async () => {
  const busy = new Game();
  await busy.start({ auth: { hashes_waiting: 30 }, server: trusting });
  try {
    const { token } = await busy.session('watching');
    let done = 0;
    const refused: Response[] = [];
    const hashing = Array.from({ length: 44 }, async (_, i) => {
      const from = { 'X-Forwarded-For': `192.0.2.${i}` };
      const response = await busy.post({ type: 'auth', userId: `h${i}`, secret }, from);
      if (response.status === 429) refused.push(response);
      else done += 1;
      if (response.status === 200) busy.tokens.add(((await response.clone().json()) as any).token);
    });
    await until('the line to be full', () => refused.length > 0);
    for (let i = 0; i < 10; i++) {
      expect((await fetch(`${busy.server.http}/health`)).status).toBe(200);
      expect(await busy.isValid(token)).toBeTrue();
    }
    const player = await busy.player('watching', { token });
    player.say({ type: 'ping' });
    await player.next(({ type }) => type === 'pong');
    // All of these were answered while hashes still waited.
    expect(done).toBeLessThan(32);
    await Promise.all(hashing);
    expect(done).toBeGreaterThanOrEqual(32);
    expect(done + refused.length).toBe(44);
    expect(refused[0]!.headers.get('retry-after')).toBe('5');
    expect(await refused[0]!.json()).toEqual({
      success: false,
      message: 'Too much to do, try later.',
    });
    await busy.session('now', { secret });
  } finally {
    await busy.stop();
  }
});
