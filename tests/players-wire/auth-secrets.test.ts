import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game, secret } from '../support/players.ts';

const game = new Game();
beforeAll(() => game.start());
afterEach(() => game.leave());
afterAll(() => game.stop());

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

  test('beside a live session takes its token, and no other', async () => {
    const own = await game.session('bea');
    const foreign = await game.session('eve');
    for (const token of [undefined, foreign.token, 'made-up'])
      expect(await auth('bea', { secret, token })).toEqual({
        status: 401,
        success: false,
        message: 'This user has a session: its token is needed to bind a secret.',
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
  beforeAll(() => proxied.start({ auth: settings, server: { trusted_proxies: ['127.0.0.1'] } }));
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

  test('is told in the log by address, without the user', () => {
    const told = proxied.server.events.filter(({ event }) => event === 'secret_refused');
    expect(told.length).toBeGreaterThan(0);
    expect(Object.keys(told[0]!).toSorted()).toEqual(['address', 'event', 'level', 'part', 'time']);
  });
});

test('while sixty hashes wait others are answered, and who comes then is told to try later', async () => {
  const busy = new Game();
  await busy.start({ auth: { hashes_waiting: 60 } });
  try {
    const { token } = await busy.session('watching');
    let done = 0;
    const refused: Response[] = [];
    const hashing = Array.from({ length: 80 }, async (_, i) => {
      const response = await busy.post({ type: 'auth', userId: `h${i}`, secret });
      if (response.status === 429) refused.push(response);
      else done += 1;
      if (response.status === 200) busy.tokens.add(((await response.clone().json()) as any).token);
    });
    await until('the line to be full', () => refused.length > 0);
    for (let i = 0; i < 20; i++) {
      expect((await fetch(`${busy.server.http}/health`)).status).toBe(200);
      expect(await busy.isValid(token)).toBeTrue();
    }
    const player = await busy.player('watching', { token });
    player.say({ type: 'ping' });
    await player.next(({ type }) => type === 'pong');
    // All of these were answered while hashes still waited.
    expect(done).toBeLessThan(62);
    await Promise.all(hashing);
    expect(done).toBeGreaterThanOrEqual(62);
    expect(done + refused.length).toBe(80);
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
