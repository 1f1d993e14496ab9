import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import type { Frame, RelayClient } from '../support/relay-client.ts';

const game = new Game();
beforeAll(() => game.start({ players: { reconnect_grace: '400ms', links_max: 3 } }));
afterEach(() => game.leave());
afterAll(() => game.stop());

const about = /^(connect_\w+|disconnected|error)$/;
/** The next frame about links. */
const news = (client: RelayClient): Promise<Frame> => client.next(({ type }) => about.test(type));
const noticesOf = ({ frames }: RelayClient) => frames.filter(({ type }) => about.test(type));

/** Two who are in, with names of this test alone. */
async function pair(one: 1 | 2 = 2, other: 1 | 2 = 2) {
  const name = crypto.randomUUID();
  const [a, b] = [`${name}-a`, `${name}-b`];
  return {
    a,
    b,
    ada: await game.player(a, { protocol: one }),
    bob: await game.player(b, { protocol: other }),
  };
}

async function linked() {
  const both = await pair();
  both.ada.say({ type: 'connect', targetUserId: both.b });
  await news(both.bob);
  both.bob.say({ type: 'connect_accept', targetUserId: both.a });
  await Promise.all([news(both.ada), news(both.bob)]);
  return both;
}

/** Fails if either is told anything more until both have answered a ping. */
async function quiet(...clients: RelayClient[]): Promise<void> {
  for (const client of clients) {
    client.say({ type: 'ping' });
    const next = await client.next(({ type }) => about.test(type) || type === 'pong');
    expect(next.type).toBe('pong');
  }
}

test('a request that is accepted links both, and both are told', async () => {
  const { a, b, ada, bob } = await pair();
  ada.say({ type: 'connect', targetUserId: b });
  expect(await news(bob)).toEqual({ type: 'connect_request', fromUserId: a });
  bob.say({ type: 'connect_accept', targetUserId: a });
  expect(await news(ada)).toEqual({ type: 'connect_accepted', withUserId: b });
  expect(await news(bob)).toEqual({ type: 'connect_accepted', withUserId: a });
  ada.say({ type: 'disconnect' });
  expect(await news(bob)).toEqual({ type: 'disconnected', userId: a });
  await quiet(ada, bob);
});

test('a request that is rejected is told to who asked, and links nobody', async () => {
  const { a, b, ada, bob } = await pair();
  ada.say({ type: 'connect', targetUserId: b });
  await news(bob);
  bob.say({ type: 'connect_reject', targetUserId: a });
  expect(await news(ada)).toEqual({ type: 'connect_rejected', withUserId: b });
  bob.say({ type: 'disconnect' });
  ada.say({ type: 'disconnect' });
  await quiet(ada, bob);
});

test.each([1, 2] as const)('protocol %i asks protocol 1: accepted in its name', async (one) => {
  const { a, b, ada, bob } = await pair(one, 1);
  ada.say({ type: 'connect', targetUserId: b });
  expect(await news(ada)).toEqual({ type: 'connect_accepted', withUserId: b });
  expect(await news(bob)).toEqual({ type: 'connect_accepted', withUserId: a });
});

test('protocol 1 asks protocol 2: it is asked, and may say no', async () => {
  const { a, b, ada, bob } = await pair(1, 2);
  ada.say({ type: 'connect', targetUserId: b });
  expect(await news(bob)).toEqual({ type: 'connect_request', fromUserId: a });
  bob.say({ type: 'connect_reject', targetUserId: a });
  expect(await news(ada)).toEqual({ type: 'connect_rejected', withUserId: b });
});

test('two who ask each other are linked, once', async () => {
  const { a, b, ada, bob } = await pair();
  ada.say({ type: 'connect', targetUserId: b });
  bob.say({ type: 'connect', targetUserId: a });
  const isAccepted = ({ type }: Frame) => type === 'connect_accepted';
  expect(await ada.next(isAccepted)).toMatchObject({ withUserId: b });
  expect(await bob.next(isAccepted)).toMatchObject({ withUserId: a });
  await quiet(ada, bob);
  ada.say({ type: 'disconnect' });
  expect(await news(bob)).toEqual({ type: 'disconnected', userId: a });
  await quiet(ada, bob);
});

test('nobody links by accepting what was not asked, oneself, or who is not there', async () => {
  const { a, b, ada, bob } = await pair();
  const wrong: [object, number][] = [
    [{ type: 'connect_accept', targetUserId: b }, 404],
    [{ type: 'connect_reject', targetUserId: b }, 404],
    [{ type: 'connect', targetUserId: `${b}-not-there` }, 404],
    [{ type: 'connect', targetUserId: a }, 400],
    [{ type: 'connect' }, 400],
    [{ type: 'connect', targetUserId: '' }, 400],
    [{ type: 'connect_accept', targetUserId: [b] }, 400],
  ];
  for (const [frame, code] of wrong) {
    ada.say(frame);
    const { type, code: got } = await news(ada);
    expect([frame, type, got]).toEqual([frame, 'error', code]);
  }
  // One's own request is not one's own to accept.
  ada.say({ type: 'connect', targetUserId: b });
  await news(bob);
  ada.say({ type: 'connect_accept', targetUserId: b });
  expect(await news(ada)).toMatchObject({ type: 'error', code: 404 });
  await quiet(bob);
});

test('links_max bounds links and requests, by name', async () => {
  const name = crypto.randomUUID();
  const target = await game.player(`${name}-t`);
  const clients: RelayClient[] = [];
  for (let i = 0; i < 4; i++) clients.push(await game.player(`${name}-${i}`));
  for (const client of clients) client.say({ type: 'connect', targetUserId: `${name}-t` });
  const refusals = () =>
    clients.flatMap((one) => one.frames.filter(({ type }) => type === 'error'));
  await until('the refusal', () => refusals().length > 0);
  await until('requests', () => noticesOf(target).length === 3);
  expect(refusals()).toMatchObject([{ code: 429, message: 'Too many links (players.links_max).' }]);
});

test('a link carries on through a takeover and a reconnect within the grace', async () => {
  const { a, b, ada, bob } = await linked();
  const second = await game.player(a);
  expect((await ada.ended()).code).toBe(4410);
  await second.close();
  const third = await game.player(a);
  const goneMs = Date.now();
  await until('the grace to pass', () => Date.now() > goneMs + 600);
  await quiet(bob);
  bob.say({ type: 'disconnect' });
  expect(await news(third)).toEqual({ type: 'disconnected', userId: b });
});

test('a link ends once its end has been gone for longer than the grace', async () => {
  const { a, b, ada, bob } = await linked();
  const raw = await game.rawPlayer(a);
  expect((await ada.ended()).code).toBe(4410);
  const goneMs = Date.now();
  raw.destroy();
  expect(await news(bob)).toEqual({ type: 'disconnected', userId: a });
  expect(Date.now() - goneMs).toBeGreaterThanOrEqual(395);
  const back = await game.player(a);
  back.say({ type: 'disconnect' });
  bob.say({ type: 'disconnect' });
  await quiet(back, bob);
  expect(noticesOf(bob).filter(({ type }) => type === 'disconnected')).toHaveLength(1);
  back.say({ type: 'connect', targetUserId: b });
  expect(await news(bob)).toMatchObject({ type: 'connect_request' });
});
