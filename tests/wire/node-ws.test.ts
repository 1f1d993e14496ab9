import { afterEach, beforeEach, expect, test } from 'bun:test';
import { Moonstead, until } from '../support/moonstead.ts';
import { NodeWs } from '../support/node-ws.ts';
import { botMessage, modMessage } from '../support/relay-client.ts';

let server: Moonstead;
let bare: string;

beforeEach(async () => {
  server = await Moonstead.start();
  bare = `ws://127.0.0.1:${server.port}/sync`;
});

afterEach(() => server.stop());

test('a mod and a bot on ws exchange messages and are told what became of them', async () => {
  const [mod, bot] = await Promise.all([NodeWs.mod(server.sync()), NodeWs.bot(server.sync())]);
  const more = { author: { id: 'u', name: 'Ada' }, meta: { world: 'nether' } };
  mod.say(modMessage('m1', 'from the game', { ...more, ts: '2025-12-08T10:30:00Z' }));
  expect(await bot.next(({ type }) => type === 'mod')).toEqual({
    type: 'mod',
    channel_id: '100',
    ...more,
    content: 'from the game',
    ts: '2025-12-08T10:30:00Z',
    received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    forwarded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    msg_id: 'm1',
    server_id: 'srv',
  });
  expect(await mod.next(() => true)).toEqual({ status: 'completed', type: 'mod', msg_id: 'm1' });
  bot.say(botMessage('b1', 'from the bot'));
  const got = await mod.next(({ type, content }) => type === 'bot' && content !== undefined);
  expect(got).toMatchObject({ channel_id: '100', content: 'from the bot', msg_id: 'b1' });
  expect(await bot.next(() => true)).toEqual({ status: 'completed', type: 'bot', msg_id: 'b1' });
  await Promise.all([mod.close(), bot.close()]);
});

test('what was queued for a bot on ws comes in order, after its acknowledgement, once', async () => {
  const mod = await NodeWs.mod(server.sync());
  for (const id of ['q1', 'q2', 'q3']) {
    mod.say(modMessage(id));
    expect(await mod.next(() => true)).toEqual({ status: 'queued', type: 'mod', msg_id: id });
  }
  const bot = await NodeWs.bot(server.sync());
  await bot.next(({ msg_id: id }) => id === 'q3');
  const [first, ...queued] = bot.frames;
  expect(first).toEqual({ status: 'connected', type: 'bot' });
  expect(queued.map(({ msg_id: id }) => id)).toEqual(['q1', 'q2', 'q3']);
  // Its pong left before its closing frame, so this was a receipt.
  await bot.event(({ ping }) => ping);
  await bot.close();
  const next = await NodeWs.bot(server.sync());
  mod.say(modMessage('live'));
  expect((await next.next(() => true)).msg_id).toBe('live');
  await Promise.all([mod.close(), next.close()]);
});

test('a bot on ws whose library answers no pings is given the messages again', async () => {
  const mod = await NodeWs.mod(server.sync());
  const mute = await NodeWs.bot(server.sync(), { autoPong: false });
  mod.say(modMessage('m1'));
  await mute.next(({ msg_id: id }) => id === 'm1');
  await mute.event(({ ping }) => ping);
  await mute.close();
  const next = await NodeWs.bot(server.sync());
  expect((await next.next(({ type }) => type === 'mod')).msg_id).toBe('m1');
  await Promise.all([mod.close(), next.close()]);
});

test('a ping of the client is answered with its own payload', async () => {
  const mod = await NodeWs.mod(server.sync());
  mod.command({ ping: 'are you there' });
  expect(await mod.event(({ pong }) => pong)).toBe('are you there');
  await mod.close();
});

test.each([true, false])('permessage-deflate offered (%p): text arrives whole', async (offers) => {
  const [mod, bot] = await Promise.all([
    NodeWs.mod(server.sync(), { perMessageDeflate: offers }),
    NodeWs.bot(server.sync(), { perMessageDeflate: offers }),
  ]);
  const content = 'grüße 🌙 '.repeat(10_000);
  mod.say(modMessage('m1', content));
  expect((await bot.next(({ type }) => type === 'mod')).content).toBe(content);
  await Promise.all([mod.close(), bot.close()]);
});

test('a message in fragments is one message, wherever it is cut', async () => {
  const [mod, bot] = await Promise.all([NodeWs.mod(server.sync()), NodeWs.bot(server.sync())]);
  const whole = JSON.stringify(modMessage('m1', 'cut into pieces'));
  mod.command({ parts: [whole.slice(0, 1), '', ...whole.slice(1, 40), whole.slice(40)] });
  expect((await bot.next(({ type }) => type === 'mod')).content).toBe('cut into pieces');
  await Promise.all([mod.close(), bot.close()]);
});

test.each([
  ['X-API-Key', { 'X-API-Key': 'gateway' }],
  ['Authorization: Bearer', { Authorization: 'Bearer gateway' }],
])('the key may come as %s', async (_name, headers) => {
  const mod = await NodeWs.mod(bare, { headers });
  await mod.close();
});

test.each([
  ['none', {}],
  ['a wrong one', { 'X-API-Key': 'sesame' }],
  ['another scheme', { Authorization: 'Basic gateway' }],
])('no valid key (%s): 401 before the upgrade', async (_name, headers) => {
  const client = await NodeWs.open(bare, { headers });
  expect(await client.event(({ refused }) => refused)).toEqual({
    status: 401,
    body: { message: 'Invalid or missing API key.', code: 401 },
  });
  expect(server.output).not.toContain('sesame');
});

test('a shutdown ends each connection with 1001', async () => {
  const [mod, bot] = await Promise.all([NodeWs.mod(server.sync()), NodeWs.bot(server.sync())]);
  mod.say(modMessage('m1'));
  await until('the message', () => bot.frames.length === 2);
  expect(await server.stop()).toBe(0);
  for (const client of [mod, bot]) expect((await client.ended()).code).toBe(1001);
});
