import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { Moonstead, until } from '../support/moonstead.ts';
import { botMessage, type Frame, modMessage, RelayClient } from '../support/relay-client.ts';

let server: Moonstead;
beforeAll(async () => {
  server = await Moonstead.start({ toml: '[gateway]\nbody_size = 1\n' });
});
afterAll(() => server.stop());

const clients: RelayClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

async function mod(serverId = 'srv', channel = '100'): Promise<RelayClient> {
  const client = await RelayClient.mod(server.sync(), serverId, channel);
  clients.push(client);
  return client;
}

async function bot(): Promise<RelayClient> {
  const client = await RelayClient.bot(server.sync());
  clients.push(client);
  return client;
}

/** What an earlier test's bot did not confirm comes again: look for one's own. */
const named = (id: string) => (frame: Frame) => frame.msg_id === id && frame.content !== undefined;

const isTime = (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text);

/** The source document's two examples, word for word. */
const sourceMod = `{
"msg_id": "msg-unique-123",
"id": "minecraft-server-001",
"destination": {
"channel_id": "123456789"
},
"author": {
"id": "player-uuid-abc",
"name": "PlayerName"
},
"content": "Hello from the game server!",
"meta": {
"server_name": "Survival Server",
"world": "overworld"
},
"ts": "2025-12-08T10:30:00Z"
}`;
const sourceBot = `{
"msg_id": "discord-msg-456",
"id": "123456789",
"author": {
"id": "discord-user-789",
"name": "DiscordUser"
},
"content": "Hello from Discord!",
"meta": {
"platform": "discord",
"roles": ["admin"]
},
"ts": "2025-12-08T10:31:00Z"
}`;

test('the messages of the source document arrive with exactly its fields', async () => {
  const [m, b] = [await mod('minecraft-server-001', '123456789'), await bot()];
  m.say(sourceMod);
  const atBot = await b.next(named('msg-unique-123'));
  const { received_at: received, forwarded_at: forwarded, ...fields } = atBot;
  expect(isTime(received) && isTime(forwarded)).toBeTrue();
  expect(fields).toEqual({
    type: 'mod',
    channel_id: '123456789',
    author: { id: 'player-uuid-abc', name: 'PlayerName' },
    content: 'Hello from the game server!',
    meta: { server_name: 'Survival Server', world: 'overworld' },
    ts: '2025-12-08T10:30:00Z',
    msg_id: 'msg-unique-123',
    server_id: 'minecraft-server-001',
  });
  expect(await m.next()).toEqual({ status: 'completed', type: 'mod', msg_id: 'msg-unique-123' });
  b.say(sourceBot);
  const { received_at: _r, forwarded_at: _f, ...atMod } = await m.next();
  expect(atMod).toEqual({
    type: 'bot',
    channel_id: '123456789',
    author: { id: 'discord-user-789', name: 'DiscordUser' },
    content: 'Hello from Discord!',
    meta: { platform: 'discord', roles: ['admin'] },
    ts: '2025-12-08T10:31:00Z',
    msg_id: 'discord-msg-456',
  });
  expect(await b.next()).toEqual({ status: 'completed', type: 'bot', msg_id: 'discord-msg-456' });
});

test('meta and author.name stay absent, ts becomes the time of receipt', async () => {
  const [m, b] = [await mod(), await bot()];
  m.say(modMessage('bare'));
  const frame = await b.next(named('bare'));
  expect(frame).not.toHaveProperty('meta');
  expect(frame.author).toEqual({ id: 'player' });
  expect(frame.ts).toBe(frame.received_at);
});

test('unknown fields are ignored, also inside of author', async () => {
  const [m, b] = [await mod(), await bot()];
  m.say(modMessage('u', 'u', { author: { id: 'p', rank: 1 }, extra: [1], type: 'bot' }));
  const frame = await b.next(named('u'));
  expect(frame).toMatchObject({ type: 'mod', author: { id: 'p' } });
  expect(frame).not.toHaveProperty('extra');
});

test('text and numbers come out as they went in', async () => {
  const [m, b] = [await mod(), await bot()];
  const raw: string[] = [];
  b.socket.addEventListener('message', ({ data }) => raw.push(data));
  const content = 'ünï 🌙 \u2028 \\" <b> \ud83d\ude00 \u0000';
  const meta = '{"big":12345678901234567890,"snow":123456789012345678,"f":0.1,"e":1e500,"s":"007"}';
  m.say(JSON.stringify(modMessage('n', content)).replace(/}$/, `,"meta":${meta}}`));
  expect((await b.next(named('n'))).content).toBe(content);
  expect(raw.at(-1)).toContain(`"meta":${meta}`);
});

const broken: [string, string | Frame, string | undefined][] = [
  ['broken JSON', '{"msg_id":"x"', undefined],
  ['no object', '"text"', undefined],
  ['no msg_id', modMessage(undefined as never, 'x'), undefined],
  ['msg_id empty', modMessage('', 'x'), ''],
  ['msg_id a number', modMessage(5 as never, 'x'), undefined],
  ['msg_id too long', modMessage('i'.repeat(129), 'x'), 'i'.repeat(129)],
  ['id empty', modMessage('b1', 'x', { id: '' }), 'b1'],
  ['id of another server', modMessage('b2', 'x', { id: 'other' }), 'b2'],
  ['no destination', modMessage('b3', 'x', { destination: undefined }), 'b3'],
  ['empty channel', modMessage('b4', 'x', { destination: { channel_id: '' } }), 'b4'],
  [
    'channel with a line break',
    modMessage('b5', 'x', { destination: { channel_id: 'a\nb' } }),
    'b5',
  ],
  ['no author', modMessage('b6', 'x', { author: undefined }), 'b6'],
  ['author without id', modMessage('b7', 'x', { author: { name: 'n' } }), 'b7'],
  ['author.id empty', modMessage('b8', 'x', { author: { id: '' } }), 'b8'],
  ['author.name a number', modMessage('b9', 'x', { author: { id: 'a', name: 1 } }), 'b9'],
  ['content empty', modMessage('b10', ''), 'b10'],
  ['content a number', modMessage('b11', 5 as never), 'b11'],
  ['meta a list', modMessage('b12', 'x', { meta: [1] }), 'b12'],
  [
    'meta a number beyond 2^53',
    '{"msg_id":"b18","id":"srv","destination":{"channel_id":"1"},"author":{"id":"a"},"content":"x","meta":12345678901234567890}',
    'b18',
  ],
  [
    'a large frame with a number beyond 2^53',
    `{"msg_id":"b19","id":"srv","destination":{"channel_id":"1"},"author":{"id":"a"},"content":"${'x'.repeat(66_000)}","meta":{"n":12345678901234567890}}`,
    'b19',
  ],
  ['meta null', modMessage('b13', 'x', { meta: null }), 'b13'],
  ['ts without zone', modMessage('b14', 'x', { ts: '2025-12-08T10:30:00' }), 'b14'],
  ['ts of no day', modMessage('b15', 'x', { ts: '2025-02-30T10:30:00Z' }), 'b15'],
  ['ts a number', modMessage('b16', 'x', { ts: 1765189800 }), 'b16'],
  ['a second handshake', { type: 'mod', data: { server_id: 'srv', channel_id: '1' } }, undefined],
];

test.each(broken)(
  'a message with %s is 400, with its msg_id, and the connection stays',
  async (...row) => {
    const [, frame, msgId] = row;
    const m = await mod();
    m.say(frame, modMessage('after'));
    const refused = await m.next();
    expect(refused).toMatchObject({ message: 'Malformed message.', code: 400 });
    expect(refused.msg_id).toBe(msgId);
    expect(refused.detail).toBeString();
    expect(await m.next()).toMatchObject({ msg_id: 'after' });
  },
);

test('what is wrong is named', async () => {
  const m = await mod();
  m.say(modMessage('d', 'x', { author: { id: '' } }));
  expect((await m.next()).detail).toBe(
    'author.id: 1 to 128 characters, no control characters (server.id_length_max)',
  );
});

test('a binary frame is a malformed message', async () => {
  const m = await mod();
  m.socket.send(new Uint8Array([1, 2, 3]));
  expect(await m.next()).toMatchObject({ message: 'Malformed message.', code: 400 });
});

test('JSON may be 64 deep, and no deeper', async () => {
  const m = await mod();
  const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  // meta itself is the second level.
  m.say(modMessage('deep', 'x', { meta: { n: nested(62) } }));
  m.say(modMessage('deeper', 'x', { meta: { n: nested(63) } }));
  m.say(modMessage('aside', 'x', { ignored: nested(64) }));
  expect(await m.next()).toMatchObject({ msg_id: 'deep', status: 'queued' });
  expect(await m.next()).toMatchObject({ code: 400, detail: 'deeper than server.json_depth_max' });
  expect(await m.next()).toMatchObject({ code: 400 });
});

test('a message above body_size closes with 1009', async () => {
  const m = await mod();
  m.say(modMessage('fits', 'x'.repeat(1024 * 1024 - 200)));
  expect(await m.next()).toMatchObject({ msg_id: 'fits' });
  m.say(modMessage('large', 'x'.repeat(1024 * 1024)));
  expect((await m.ended()).code).toBe(1009);
  clients.splice(clients.indexOf(m), 1);
});

test('a message of the bot goes to every mod of its channel, and to no other', async () => {
  const [one, two, elsewhere, b] = [
    await mod('s1', 'C'),
    await mod('s2', 'C'),
    await mod('s3', 'D'),
    await bot(),
  ];
  b.say(botMessage('1', 'to C', { id: 'C' }), botMessage('2', 'to D', { id: 'D' }));
  for (const each of [one, two]) await each.next(({ content }) => content === 'to C');
  await elsewhere.next();
  expect(elsewhere.contents).toEqual(['to D']);
  await until('answers', () => b.answers.length === 2);
  expect([one.contents, two.contents]).toEqual([['to C'], ['to C']]);
});

test("a mod's message may name another channel; its own mods do not get it", async () => {
  const [m, b] = [await mod(), await bot()];
  m.say(modMessage('far', 'far', { destination: { channel_id: 'far away' } }));
  expect(await b.next(named('far'))).toMatchObject({ channel_id: 'far away', server_id: 'srv' });
  expect(m.contents).toEqual([]);
});

test('answers come in the order of the messages, commits, errors and all', async () => {
  const [m] = [await mod('srv', 'order')];
  const said: string[] = [];
  for (let i = 0; i < 300; i++) {
    const isBad = i % 3 === 1;
    m.say(modMessage(`o${i}`, isBad ? '' : 'x', { destination: { channel_id: `q${i % 7}` } }));
    said.push(`o${i} ${isBad ? 400 : 'queued'}`);
  }
  await until('all answers', () => m.answers.length === 300);
  expect(m.answers).toEqual(said);
});
