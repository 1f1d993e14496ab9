import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { Game, tell, words } from '../support/players.ts';
import { closeFrame, frame, opcodes, type RawClient } from '../support/raw.ts';

const game = new Game();
beforeAll(() => game.start());
afterEach(async () => {
  await game.leave();
  await game.stillServes();
});
afterAll(() => game.stop());

/** The next answer but lists and welcomes. */
const answer = (client: RawClient) =>
  client.next(({ type }) => type === 'error' || type === 'pong' || type === 'message_ack');
const ping = { type: 'ping' };
const mib = 1024 ** 2;

describe('who is not authenticated', () => {
  test('may send 16 MB, which is an error 400; it stays, and may authenticate', async () => {
    const client = await game.raw('/player');
    client.write(frame('x'.repeat(16 * mib)));
    expect(await answer(client)).toMatchObject({ code: 400 });
    client.write(frame(Buffer.alloc(16 * mib), { opcode: opcodes.binary }));
    expect(await answer(client)).toMatchObject({ code: 400 });
    client.say(await game.hello('late'));
    expect(await client.next()).toMatchObject({ success: true });
  });

  test('is closed with 1009 for a byte more, whole or in fragments, text or binary', async () => {
    const half = Buffer.alloc(8 * mib, 'x');
    const { binary, continuation, text } = opcodes;
    for (const bytes of [
      [frame(Buffer.alloc(16 * mib + 1), { opcode: binary })],
      [
        frame(half, { opcode: text, fin: false }),
        frame(half, { opcode: continuation, fin: false }),
        frame('x', { opcode: continuation }),
      ],
    ]) {
      const client = await game.raw('/player');
      client.write(...bytes);
      await client.end();
      expect(client.closed?.code ?? 1009).toBe(1009);
      expect(client.frames).toEqual([]);
    }
  });

  test('is closed for bytes that are no frames, and holds no place then', async () => {
    const broken = [
      frame('{}', { masked: false }),
      frame('{}', { rsv: 4 }),
      frame('{}', { opcode: 3 }),
      frame([0x22, 0xff, 0x22]),
      frame('{}', { opcode: opcodes.continuation }),
      frame('x'.repeat(126), { opcode: opcodes.ping }),
      frame('', { lengthBytes: 8, length: 1n << 62n }),
      closeFrame(1005),
      Buffer.from('GET /player HTTP/1.1\r\n\r\n'),
    ];
    for (const bytes of broken) {
      const client = await game.raw('/player');
      client.write(bytes);
      await client.end();
      expect([bytes, client.texts]).toEqual([bytes, []]);
    }
  });
});

const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const message = (fields: string) => `{"type":"message","targetUserId":"t","msg_id":"m",${fields}}`;

test.each<[string, string | object]>([
  ['garbage', '\u0000\u0001garbage'],
  ['nothing', ''],
  ['data that is too deep', message(`"data":${deep(64)}`)],
  ['data that is very deep', message(`"data":${deep(30_000)}`)],
  ['depth in a field that nobody knows', `{"type":"ping","x":${deep(30_000)}}`],
  ['a message over message_bytes', message(`"data":"${'x'.repeat(64 * 1024)}"`)],
  ['no data', { type: 'message', targetUserId: 't' }],
  ['no target', { type: 'message', data: 1 }],
  ['two targets', { type: 'message', targetUserId: 't', channel: 'c', data: 1 }],
  ['an empty target', { type: 'message', targetUserId: '', data: 1 }],
  ['a target that is too long', { type: 'message', targetUserId: 'x'.repeat(65), data: 1 }],
  ['an empty channel', { type: 'join', channel: '' }],
  ['a channel that is too long', { type: 'join', channel: 'x'.repeat(129) }],
  ['a control character in a channel', { type: 'join', channel: 'a\nb' }],
  ['no channel', { type: 'leave' }],
  ['an empty msg_id', { type: 'message', targetUserId: 't', data: 1, msg_id: '' }],
  ['a number as msg_id', { type: 'message', targetUserId: 't', data: 1, msg_id: 7 }],
  ['a type that every object has', { type: 'constructor' }],
  ['a list as type', { type: ['ping'] }],
  ['a second session_auth', { type: 'session_auth', token: 'x' }],
])('%s from a player is an error 400, and the connection stays', async (_what, said) => {
  const client = await game.rawPlayer('broken');
  client.say(said, ping);
  const got = await answer(client);
  expect(got).toMatchObject({ type: 'error', code: 400 });
  expect(got.detail).toBeString();
  expect(await answer(client)).toMatchObject({ type: 'pong' });
});

test('depth up to json_depth_max arrives whole', async () => {
  const [sender, target] = [await game.player('sender'), await game.player('target')];
  const data = deep(63);
  sender.say(`{"type":"message","targetUserId":"target","msg_id":"m","data":${data}}`);
  const got = await target.next(({ type }) => type === 'message');
  expect(JSON.stringify(got.data)).toBe(data);
});

test('binary frames that belong to no file are refused one by one, and the connection stays', async () => {
  const client = await game.rawPlayer('binary');
  for (const size of [0, 1, 15, 16, 1000])
    client.write(frame(Buffer.alloc(size, size % 256), { opcode: opcodes.binary }));
  client.say(ping);
  await client.next(({ type }) => type === 'pong');
  const refusals = client.frames.filter(({ type }) => type === 'error' || type === 'file_failed');
  expect(refusals).toHaveLength(5);
});

test('a thousand joins get 64 channels; the rest is refused, and everything is answered', async () => {
  const client = await game.rawPlayer('joiner');
  client.say(...Array.from({ length: 1000 }, (_, i) => ({ type: 'join', channel: `c${i}` })));
  client.say(ping);
  await client.next(({ type }) => type === 'pong');
  const refused = client.frames.filter(({ type }) => type === 'error');
  expect(refused).toHaveLength(936);
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set([429]));
});

test('a flood of messages is answered in order, refused or ended; others do not feel it', async () => {
  const flooder = await game.rawPlayer('flooder');
  const [one, other] = [await game.player('one'), await game.player('other')];
  const many = Array.from({ length: 5000 }, (_, i) =>
    frame(JSON.stringify({ type: 'message', targetUserId: 'away', data: words, msg_id: `f${i}` })),
  );
  flooder.write(...many);
  for (let i = 0; i < 20; i++) expect(await tell(one, 'other', `m${i}`)).toBe('completed');
  await other.next(({ msg_id: id }) => id === 'm19');
  expect((await flooder.end())?.code).toBe(4429);
  const acks = flooder.frames.filter(({ type }) => type === 'message_ack');
  expect(acks.map(({ msg_id: id }) => id)).toEqual(acks.map((_, i) => `f${i}`));
  expect(new Set(acks.map(({ status }) => status)).size).toBeLessThanOrEqual(1);
});

test('a user who logs in and out all the time, with links and channels, leaves nothing', async () => {
  const watching = await game.player('watching');
  for (let i = 0; i < 30; i++) {
    const client = await game.rawPlayer(`fly${i}`);
    client.say({ type: 'join', channel: 'c' }, { type: 'connect', targetUserId: 'watching' });
    if (i % 2) client.destroy();
    else client.write(closeFrame(1000));
  }
  const gone = () => watching.frames.filter(({ type }) => type === 'user_left').length;
  await until('all to be gone', () => gone() === 30);
  watching.say({ type: 'list_online' });
  const list = await watching.next(({ type }) => type === 'user_list_update');
  expect(list.users).toEqual([{ userId: 'watching' }]);
});

test('/auth takes a flood: too many that wait are refused, and then the connection ends', async () => {
  const client = await game.raw('/auth');
  const auths = Array.from({ length: 500 }, (_, i) => ({ type: 'auth', userId: `flood${i}` }));
  client.say(...auths);
  expect((await client.end())?.code).toBe(4429);
  const refused = client.frames.filter(({ code }) => code === 429);
  expect(refused.length).toBeLessThanOrEqual(48);
});
