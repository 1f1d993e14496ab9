import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Moonstead, until } from '../support/moonstead.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';

const toml = `
[gateway]
websocket = "single-key"
handshake_timeout = "300ms"
[[gateway.keys]]
name = "mods-1"
key = "key-of-mods"
role = "mod"
channels = ["1*", "77"]
[[gateway.keys]]
name = "bot-1"
key = "key-of-bot"
role = "bot"
channels = ["1*"]
`;

let server: Moonstead;
beforeAll(async () => {
  server = await Moonstead.start({ toml });
});
afterAll(() => server.stop());

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

test.each(['', '?api_key=', '?api_key=wrong', '?api_key=SINGLE-KEY', '?API_KEY=single-key'])(
  'a key that is not one is refused before the upgrade: "%s"',
  async (query) => {
    const answer = await fetch(`${server.http}/sync${query}`, { headers: upgrade });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe('{"message":"Invalid or missing API key.","code":401}');
  },
);

test('a GET that does not upgrade is 426, with or without a key', async () => {
  for (const query of ['', '?api_key=single-key']) {
    const answer = await fetch(`${server.http}/sync${query}`);
    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toBe('websocket');
    expect(await answer.json()).toMatchObject({ code: 426 });
  }
});

test('the key may come in the query, in X-API-Key or as a Bearer token', async () => {
  const bare = server.sync().replace(/\?.*/, '');
  for (const [url, headers] of [
    [server.sync('single-key'), {}],
    [bare, { 'X-API-Key': 'single-key' }],
    [bare, { Authorization: 'Bearer single-key' }],
  ] as const) {
    const client = await RelayClient.open(url, headers);
    client.say({ type: 'mod', data: { server_id: 's', channel_id: '1' } });
    expect(await client.next()).toEqual({ status: 'connected', type: 'mod' });
    await client.close();
  }
});

test.each([
  'no json',
  '5',
  'null',
  '[]',
  '{}',
  '{"type":"mod"}',
  '{"type":"mod","data":{"server_id":"s"}}',
  '{"type":"mod","data":{"server_id":"","channel_id":"1"}}',
  '{"type":"mod","data":{"server_id":"s","channel_id":5}}',
  '{"type":"bot","data":{"bot_id":"a\\u0000b"}}',
  '{"type":"bot","data":{"bot_id":"\\ud800"}}',
  `{"type":"bot","data":{"bot_id":"${'x'.repeat(129)}"}}`,
  '{"type":"admin","data":{"bot_id":"b"}}',
])('a bad handshake is told and closed with 4400: %s', async (text) => {
  const client = await RelayClient.open(server.sync('single-key'));
  client.say(text);
  expect(await client.next()).toMatchObject({ message: 'Malformed handshake.', code: 400 });
  expect((await client.ended()).code).toBe(4400);
});

test('a binary handshake is a bad one', async () => {
  const client = await RelayClient.open(server.sync('single-key'));
  client.socket.send(new TextEncoder().encode('{"type":"bot","data":{"bot_id":"b"}}'));
  expect((await client.ended()).code).toBe(4400);
});

test('who does not shake hands in time is closed with 4408', async () => {
  const client = await RelayClient.open(server.sync('single-key'));
  expect(await client.ended()).toEqual({ code: 4408, reason: 'gateway.handshake_timeout' });
});

test('unknown fields of a handshake are ignored, and ids may have any letters', async () => {
  const client = await RelayClient.open(server.sync('single-key'));
  client.say({ type: 'mod', v: 2, data: { server_id: 'sörver 🌙', channel_id: 'ü/#?', x: null } });
  expect(await client.next()).toEqual({ status: 'connected', type: 'mod' });
  await client.close();
});

test('a key for mods opens no bot and no other channel', async () => {
  for (const hello of [
    { type: 'bot', data: { bot_id: 'b' } },
    { type: 'mod', data: { server_id: 's', channel_id: '2' } },
  ]) {
    const client = await RelayClient.open(server.sync('key-of-mods'));
    client.say(hello);
    expect(await client.next()).toMatchObject({ message: 'Forbidden.', code: 403 });
    expect((await client.ended()).code).toBe(4403);
  }
});

test('a message to a channel that the key lacks is 403, and the connection stays', async () => {
  const mod = await RelayClient.mod(server.sync('key-of-mods'), 'srv', '77');
  mod.say(modMessage('a', 'x', { destination: { channel_id: '2' } }), modMessage('b'));
  expect(await mod.next()).toMatchObject({ message: 'Forbidden.', code: 403, msg_id: 'a' });
  expect(await mod.next()).toMatchObject({ status: 'queued', msg_id: 'b' });
  await mod.close();
});

test("what a bot's key does not cover stays in its ring", async () => {
  const mod = await RelayClient.mod(server.sync('single-key'), 'srv', 'x-9');
  mod.say(modMessage('out', 'out', { destination: { channel_id: 'x-9' } }));
  mod.say(modMessage('in', 'in', { destination: { channel_id: '19' } }));
  await until('answers', () => mod.answers.length === 2);
  const narrow = await RelayClient.bot(server.sync('key-of-bot'));
  await narrow.next(({ content }) => content === 'in');
  mod.say(modMessage('out2', 'out2', { destination: { channel_id: 'x-9' } }));
  await mod.next(({ msg_id: id }) => id === 'out2');
  expect(mod.answers.at(-1)).toBe('out2 queued');
  await narrow.close();
  const wide = await RelayClient.bot(server.sync('single-key'));
  await wide.next(({ content }) => content === 'out2');
  expect(wide.contents).toContain('out');
  expect(wide.contents).not.toContain('in');
  await wide.close();
  await mod.close();
});

test('a second bot is told that the first is there, and the first notices nothing', async () => {
  const first = await RelayClient.bot(server.sync('single-key'));
  const second = await RelayClient.open(server.sync('single-key'));
  second.say({ type: 'bot', data: { bot_id: 'second' } });
  expect(await second.next()).toEqual({ message: 'Bot already connected.', code: 409 });
  expect((await second.ended()).code).toBe(4409);
  first.say(botMessage('still', 'still', { id: 'nobody' }));
  expect(await first.next()).toMatchObject({ msg_id: 'still', status: 'queued' });
  await first.close();
});

test('a mod with the same server and channel takes the place of the older one', async () => {
  const older = await RelayClient.mod(server.sync('single-key'), 'same', '5');
  const other = await RelayClient.mod(server.sync('single-key'), 'another', '5');
  const newer = await RelayClient.mod(server.sync('single-key'), 'same', '5');
  expect(await older.ended()).toEqual({ code: 4410, reason: 'replaced' });
  const bot = await RelayClient.bot(server.sync('single-key'));
  bot.say(botMessage('m', 'm', { id: '5' }));
  for (const mod of [newer, other]) await mod.next(({ content }) => content === 'm');
  expect(older.contents).toEqual([]);
  for (const client of [bot, newer, other]) await client.close();
});

test('no key is in anything that was logged', () => {
  expect(server.output).toContain('"event":"mod_joined"');
  for (const key of ['single-key', 'key-of-mods', 'key-of-bot'])
    expect(server.output).not.toContain(key);
});
