import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  begin,
  complete,
  FilePlayer,
  filesLeft,
  inTransfer,
  newId,
  piece,
  rawPiece,
  stillCarries,
} from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import { frame, opcodes } from '../support/raw.ts';

const game = new Game();
const enter = (userId: string, protocol: 1 | 2 = 2) => FilePlayer.enter(game, userId, { protocol });

beforeAll(() => game.start());
afterEach(async () => {
  await game.leave();
  await stillCarries(game);
  await filesLeft(game, 0);
});
afterAll(() => game.stop());

const said = JSON.stringify(begin('bob', 0)).replace('0}', '');

test.each<[string, string | object]>([
  ['fileSize -1', begin('bob', -1)],
  ['fileSize that is not whole', begin('bob', 1.5)],
  ['fileSize 2^53', begin('bob', 2 ** 53)],
  ['fileSize 1e300', begin('bob', 1e300)],
  ['fileSize -1e300', begin('bob', -1e300)],
  ['fileSize beyond every number', `${said}1e999}`],
  ['fileSize with more digits than a number keeps', `${said}9007199254740993}`],
  ['fileSize as a text', begin('bob', '5')],
  ['fileSize as a list', begin('bob', [5])],
  ['fileSize null', begin('bob', null)],
  ['fileSize true', begin('bob', true)],
  ['no fileSize', begin('bob', undefined)],
  ['no targetUserId', begin(undefined as never, 1)],
  ['an empty targetUserId', begin('', 1)],
  ['a targetUserId that is too long', begin('x'.repeat(65), 1)],
  ['a targetUserId with a control character', begin('b\u0000b', 1)],
  ['a targetUserId that is none', begin({ $ne: '' } as never, 1)],
  ['no fileName', begin('bob', 1, { fileName: undefined })],
  ['an empty fileName', begin('bob', 1, { fileName: '' })],
  ['a fileName that is too long', begin('bob', 1, { fileName: 'x'.repeat(1025) })],
  ['a fileName that is none', begin('bob', 1, { fileName: ['x'] })],
  ['a short sha256', begin('bob', 1, { sha256: 'a'.repeat(63) })],
  ['a sha256 that is none', begin('bob', 1, { sha256: 'g'.repeat(64) })],
  ['a transferId that is too short', begin('bob', 1, { transferId: 'a'.repeat(31) })],
  ['a transferId that is too long', begin('bob', 1, { transferId: 'a'.repeat(33) })],
  [
    'a transferId that is a path',
    begin('bob', 1, { transferId: '../'.repeat(10).padEnd(32, 'a') }),
  ],
  ['a transferId with a line behind it', begin('bob', 1, { transferId: `${'a'.repeat(31)}\n` })],
  ['a transferId that is a number', begin('bob', 1, { transferId: 7 })],
  ['an end with a transferId that is none', complete('x')],
  ['an end with a fileSize that is none', { ...complete(newId()), fileSize: -1 }],
  ['a receipt without a transferId', { type: 'file_received' }],
  ['a receipt with a path', { type: 'file_received', transferId: '../../moonstead.db' }],
])('%s is an error 400, in both protocols, and leaves nothing', async (_what, broken) => {
  for (const protocol of [1, 2] as const) {
    const player = await enter(`broken${protocol}`, protocol);
    player.say(broken);
    const got = await player.frame('error', 'file_receive_ready', 'file_failed');
    expect(got).toMatchObject({ type: 'error', code: 400, detail: expect.any(String) });
    await player.settled();
    expect(player.got.filter((one) => typeof one === 'string')).toEqual([]);
  }
  expect(inTransfer(game)).toEqual([]);
});

const mouse = '🐭';

test.each<[string, string]>([
  ['../../../moonstead-up.txt', 'moonstead-up.txt'],
  ['/moonstead-root.txt', 'moonstead-root.txt'],
  ['..\\..\\moonstead-back.txt', 'moonstead-back.txt'],
  ['C:\\Windows\\moonstead.ini', 'moonstead.ini'],
  ['\\\\host\\share\\moonstead.exe', 'moonstead.exe'],
  ['moonstead.txt\u0000.png', 'moonstead.txt.png'],
  ['\u0000', 'file'],
  ['a\u0001\u001b[31m\r\n\t\u007fb', 'a[31mb'],
  ['a\u0080\u0085\u009bb', 'ab'],
  ['a\u202egnp.exe', 'agnp.exe'],
  ['\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c', 'file'],
  ['..\u202e', 'file'],
  ['.', 'file'],
  ['..', 'file'],
  ['../..', 'file'],
  [' . ', 'file'],
  ['///', 'file'],
  [mouse.repeat(75), mouse.repeat(63)],
  [`${mouse.repeat(75)}.pmp`, `${mouse.repeat(62)}.pmp`],
  ['ü'.repeat(300), 'ü'.repeat(127)],
])('a file called %j is %j to its target, and never a path here', async (fileName, cleaned) => {
  const [ada, bob, plugin] = [await enter('ada'), await enter('bob'), await enter('plugin', 1)];
  for (const target of [bob, plugin]) {
    const sent = await ada.send(target === bob ? 'bob' : 'plugin', Buffer.from('x'), { fileName });
    expect(sent).toMatchObject({ type: 'file_sent' });
    const id = expect.stringMatching(/^[0-9a-f]{32}$/);
    if (target === bob) expect(inTransfer(game)).toEqual([id]);
    const given = await target.take();
    expect([given.begin.fileName, given.end.fileName]).toEqual([cleaned, cleaned]);
    expect(Buffer.byteLength(given.begin.fileName)).toBeLessThanOrEqual(255);
  }
  await filesLeft(game, 0);
  const { folder } = game.server;
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  expect(all.filter((path) => !/^(config\.toml|mls\.json|data.*)$/.test(path))).toEqual([]);
  expect(all.filter((path) => path.includes(cleaned))).toEqual([]);
  const parts = fileName.replaceAll('\0', '').split('\\').join('/');
  if (cleaned !== 'file') expect(existsSync(join(folder, 'data/transfers', parts))).toBe(false);
});

describe('bytes', () => {
  test('of no file are refused once to protocol 1, and mean nothing else', async () => {
    const player = await game.rawPlayer('ada', { protocol: 1 });
    for (const size of [0, 1, 15, 16, 70_000])
      player.write(frame(randomBytes(size), { opcode: opcodes.binary }));
    player.say({ type: 'ping' });
    await until('the pong', () => player.texts.at(-1)?.includes('"pong"'));
    const texts = player.texts.filter((text) => !text.startsWith('{'));
    expect(texts).toEqual(['FILE_FAILED: No such transfer.']);
  });

  test('without a whole id, or with one of no file, are refused to protocol 2', async () => {
    const ada = await enter('ada');
    const [one, other] = [newId(), newId()];
    for (const bytes of [[], [1], Buffer.alloc(15)]) ada.socket.send(new Uint8Array(bytes));
    for (const id of [one, other, one, other]) ada.socket.send(piece(id, randomBytes(10)));
    await ada.settled();
    const failed = ada.all('file_failed').map(({ code, transferId }) => [code, transferId]);
    expect(failed).toEqual([...Array(3).fill([400, undefined]), [404, one], [404, other]]);
  });

  test.each([
    [1, 'bytes'],
    [1, 'the end'],
    [2, 'bytes'],
    [2, 'the end'],
  ] as const)('before ready are refused to protocol %d: %s', async (protocol, what) => {
    const player = await game.rawPlayer('ada', { protocol });
    const id = newId();
    const bytes = protocol === 1 ? frame('x', { opcode: opcodes.binary }) : rawPiece(id);
    const text = (one: object) => frame(JSON.stringify(one));
    const early = what === 'bytes' ? bytes : text(complete(id));
    // All in one write: nothing is ready before it is read.
    player.write(text(begin('bob', 1, { transferId: id })), early, text({ type: 'ping' }));
    await until('the pong', () => player.texts.some((one) => one.includes('"pong"')));
    const failed = player.texts.filter((one) => /file_|FILE_/.test(one));
    const message = 'Nothing may come before file_receive_ready.';
    expect(failed).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['a byte too few', 4, 'xyz', 'Fewer bytes than fileSize.'],
    ['none at all', 1, '', 'Fewer bytes than fileSize.'],
    ['a byte too many', 2, 'xyz', 'More bytes than fileSize.'],
    ['one for an empty file', 0, 'x', 'More bytes than fileSize.'],
  ])('%s fail the file, once', async (_what, fileSize, bytes, message) => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const { transferId } = await ada.begin('bob', fileSize);
    ada.socket.send(piece(transferId, Buffer.from(bytes)));
    const failed = { type: 'file_failed', transferId, code: 400, message };
    expect(await ada.complete(transferId)).toEqual(failed);
    // What still comes is passed over.
    ada.socket.send(piece(transferId, Buffer.from('more')));
    await ada.settled();
    expect(ada.all('file_failed')).toHaveLength(1);
    await filesLeft(game, 0);
    expect(bob.all('file_send_begin')).toEqual([]);
  });

  test('with somebody else’s id are of no file, and that one’s is none the worse', async () => {
    const [ada, eve, bob] = [await enter('ada'), await enter('eve'), await enter('bob')];
    const transferId = newId();
    await ada.begin('bob', 6, { transferId });
    await ada.bytes(transferId, Buffer.from('who'));
    for (const thief of [eve, bob]) {
      thief.socket.send(piece(transferId, Buffer.from('bad')));
      expect(await thief.complete(transferId)).toMatchObject({ code: 404, transferId });
    }
    // The same id of another sender is another file.
    expect(await eve.send('bob', Buffer.from('eve’s'), { transferId })).toMatchObject({
      delivered: true,
    });
    expect((await bob.take()).bytes.toString()).toBe('eve’s');
    await ada.bytes(transferId, Buffer.from('le'));
    ada.socket.send(piece(transferId, Buffer.from('!')));
    expect(await ada.complete(transferId)).toMatchObject({ type: 'file_sent', delivered: true });
    const { begin: head, bytes } = await bob.file();
    expect(bytes.toString()).toBe('whole!');
    // Its target’s name for it is no more use to others.
    eve.say({ type: 'file_received', transferId: head.transferId });
    ada.say({ type: 'file_received', transferId: head.transferId }, complete(head.transferId));
    expect(await ada.frame('file_failed')).toMatchObject({ code: 404 });
    await eve.settled();
    expect(inTransfer(game)).toEqual([head.transferId]);
    bob.say({ type: 'file_received', transferId: head.transferId.toUpperCase() });
    await filesLeft(game, 0);
  });
});

describe('a transferId', () => {
  test('begun twice is refused the second time, in either case, and the first goes on', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const transferId = `ab${newId().slice(2)}`;
    await ada.begin('bob', 4, { transferId });
    for (const again of [transferId, transferId.toUpperCase()])
      expect(await ada.begin('bob', 4, { transferId: again })).toMatchObject({ code: 409 });
    await ada.bytes(transferId, Buffer.from('four'));
    expect(await ada.complete(transferId)).toMatchObject({ type: 'file_sent', transferId });
    expect((await bob.take()).bytes.toString()).toBe('four');
  });

  test('completed twice, or never begun, is answered and gives nobody anything twice', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const { transferId } = await ada.begin('bob', 4);
    await ada.bytes(transferId, Buffer.from('four'));
    ada.say(complete(transferId), complete(transferId), complete(transferId));
    expect(await ada.frame('file_sent')).toMatchObject({ delivered: true });
    // It is there still, for its target has not said that it has it.
    expect(await ada.complete(transferId)).toMatchObject({ type: 'file_sent', transferId });
    await bob.take();
    await filesLeft(game, 0);
    for (const unknown of [transferId, newId()])
      expect(await ada.complete(unknown)).toMatchObject({ code: 404, transferId: unknown });
    ada.say({ type: 'file_send_complete' });
    expect(await ada.frame('file_failed')).toMatchObject({ code: 404 });
    await bob.settled();
    expect(bob.all('file_send_begin')).toHaveLength(1);
  });

  test.each([1, 2] as const)(
    'is one of a thousand that protocol %d begins: few are taken, all are answered, others are served',
    async (protocol) => {
      const flooder = await game.rawPlayer('flooder', { protocol });
      const before = flooder.texts.length;
      flooder.say(...Array.from({ length: 1000 }, () => begin('bob', 1000)), { type: 'ping' });
      await stillCarries(game);
      const answers = () => flooder.texts.slice(before).filter((text) => /file_|FILE_/.test(text));
      await until('all answers', () => answers().length >= 1000);
      const ready = answers().filter((text) => text.includes('file_receive_ready'));
      expect([answers().length, ready.length]).toEqual([1000, protocol === 1 ? 1 : 4]);
      expect(flooder.texts.some((text) => text.includes('"pong"'))).toBe(true);
      expect(inTransfer(game)).toHaveLength(ready.length);
    },
  );
});

describe('in the middle of an upload', () => {
  test.each([1, 2] as const)('of protocol %d everything else works', async (protocol) => {
    // A message that has no receipt yet comes again, so this one has a target of its own.
    const target = `target${protocol}`;
    const [ada, bob] = [await enter('ada', protocol), await enter(target)];
    const bytes = randomBytes(40_000);
    const id = newId();
    ada.say(begin(target, bytes.length, { transferId: id }));
    if (protocol === 1) await ada.text();
    else await ada.frame('file_receive_ready');
    const between: [unknown, object][] = [
      [{ type: 'ping' }, { type: 'pong' }],
      [{ type: 'message', targetUserId: target, data: 1, msg_id: 'm' }, { type: 'message_ack' }],
      ['{"type":', { type: 'error', code: 400 }],
      ['\u0000garbage', { type: 'error', code: 400 }],
      [{ type: 'file_send_end' }, { type: 'error', code: 400 }],
      [begin(target, -1), { type: 'error', code: 400 }],
      [{ type: 'list_online' }, { type: 'user_list_update' }],
      [{ type: 'join', channel: 'c' }, {}],
    ];
    const step = bytes.length / between.length;
    for (const [index, [said, answer]] of between.entries()) {
      const part = bytes.subarray(index * step, (index + 1) * step);
      ada.socket.send(protocol === 1 ? part : piece(id, part));
      ada.say(said);
      if ('type' in answer) expect(await ada.frame(answer.type as string)).toMatchObject(answer);
    }
    ada.say(complete(protocol === 1 ? undefined : id));
    if (protocol === 1) expect(await ada.text()).toBe('FILE_SENT');
    else expect(await ada.frame('file_sent')).toMatchObject({ delivered: true });
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
    expect(bob.all('message')).toHaveLength(1);
  });
});
