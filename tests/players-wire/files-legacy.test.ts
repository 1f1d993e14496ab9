import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import {
  begin,
  bytesInTransfer,
  FilePlayer,
  filesLeft,
  inTransfer,
  mib,
  sha256,
} from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import { frame, opcodes, type RawClient } from '../support/raw.ts';

const game = new Game();
const plugin = (userId: string) => FilePlayer.enter(game, userId, { protocol: 1 });
const complete = (targetUserId: string) => ({
  type: 'file_send_complete',
  targetUserId,
  fileName: 'file.bin',
});
const { binary, continuation } = opcodes;

/** One message in so many frames. */
function fragments(bytes: Buffer, count: number): Buffer[] {
  const each = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, i) => {
    const opcode = i === 0 ? binary : continuation;
    return frame(bytes.subarray(i * each, (i + 1) * each), { opcode, fin: i === count - 1 });
  });
}

const nextText = (client: RawClient, text: string) =>
  until(text, () => client.texts.includes(text) && client.texts.at(-1)!);

describe('today’s plugin', () => {
  beforeAll(() => game.start());
  afterEach(async () => {
    await game.leave();
    await filesLeft(game, 0);
  });
  afterAll(() => game.stop());

  test('sends a whole file as one message of a thousand fragments, with texts as answers', async () => {
    const bytes = randomBytes(3 * mib + 1);
    const bob = await FilePlayer.enter(game, 'bob');
    const sender = await game.rawPlayer('ada', { protocol: 1 });
    const before = sender.texts.length;
    sender.say(begin('bob', bytes.length));
    expect(await nextText(sender, 'file_receive_ready')).toBe('file_receive_ready');
    for (const one of fragments(bytes, 1000)) sender.write(one);
    sender.say(complete('bob'));
    expect(await nextText(sender, 'FILE_SENT')).toBe('FILE_SENT');
    const said = sender.texts.slice(before).filter((text) => !text.startsWith('{'));
    expect(said).toEqual(['file_receive_ready', 'FILE_SENT']);
    const given = await bob.take();
    expect(given.bytes.equals(bytes)).toBe(true);
  });

  test('may send it as several messages too, some of them empty or fragmented', async () => {
    const bytes = randomBytes(200_000);
    const bob = await FilePlayer.enter(game, 'bob');
    const sender = await game.rawPlayer('ada', { protocol: 1 });
    sender.say(begin('bob', bytes.length));
    await nextText(sender, 'file_receive_ready');
    sender.write(
      frame(bytes.subarray(0, 1), { opcode: binary }),
      frame('', { opcode: binary }),
      ...fragments(bytes.subarray(1, 150_000), 7),
      frame(bytes.subarray(150_000), { opcode: binary }),
    );
    sender.say(complete('bob'));
    await nextText(sender, 'FILE_SENT');
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('hears FILE_SENT_SERVER_ONLY when the target is away, who gets it when it comes', async () => {
    const bytes = randomBytes(70_000);
    const ada = await plugin('ada');
    expect(await ada.sendLegacy('later', [bytes])).toBe('FILE_SENT_SERVER_ONLY');
    await filesLeft(game, 1);
    const later = await plugin('later');
    expect((await later.file()).bytes.equals(bytes)).toBe(true);
  });

  test('sends an empty file, with an empty message or with none', async () => {
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    for (const parts of [[], [Buffer.alloc(0)]]) {
      expect(await ada.sendLegacy('bob', parts)).toBe('FILE_SENT');
      const given = await bob.take();
      expect([given.begin.fileSize, given.pieces]).toEqual([0, []]);
    }
  });

  test('one after the other is as good as one', async () => {
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    for (let i = 0; i < 5; i++) {
      const bytes = randomBytes(10_000);
      expect(await ada.sendLegacy('bob', [bytes], { fileName: `${i}.bin` })).toBe('FILE_SENT');
      const given = await bob.take();
      expect([given.begin.fileName, given.bytes.equals(bytes)]).toEqual([`${i}.bin`, true]);
    }
  });

  test.each<[string, number, Buffer[], string]>([
    ['a byte too few', 11, [Buffer.alloc(10)], 'FILE_FAILED: Fewer bytes than fileSize.'],
    ['none at all', 1, [], 'FILE_FAILED: Fewer bytes than fileSize.'],
    ['a byte too many', 9, [Buffer.alloc(10)], 'FILE_FAILED: More bytes than fileSize.'],
    ['one for an empty file', 0, [Buffer.alloc(1)], 'FILE_FAILED: More bytes than fileSize.'],
  ])(
    'hears FILE_FAILED once for %s, and may send the next',
    async (_what, fileSize, parts, said) => {
      const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
      expect(await ada.sendLegacy('bob', parts, { fileSize })).toBe(said);
      await ada.settled();
      const texts = ada.got.filter((got) => typeof got === 'string');
      expect(texts).toEqual(['file_receive_ready', said]);
      expect(await ada.sendLegacy('bob', [Buffer.from('whole')])).toBe('FILE_SENT');
      expect((await bob.take()).bytes.toString()).toBe('whole');
      expect(bob.all('file_send_begin')).toHaveLength(1);
    },
  );

  test('has one file at a time: a second is refused, and the first goes on', async () => {
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    ada.say(begin('bob', 4));
    expect(await ada.text()).toBe('file_receive_ready');
    ada.say(begin('bob', 5));
    expect(await ada.text()).toBe('FILE_FAILED: Another file is under way.');
    ada.socket.send(Buffer.from('four'));
    ada.say(complete('bob'));
    expect(await ada.text()).toBe('FILE_SENT');
    expect((await bob.take()).bytes.toString()).toBe('four');
  });

  test('that goes in the middle leaves nothing', async () => {
    const sender = await game.rawPlayer('ada', { protocol: 1 });
    sender.say(begin('bob', 1000));
    await nextText(sender, 'file_receive_ready');
    sender.write(frame(Buffer.alloc(999), { opcode: binary }));
    // And a message that never becomes whole.
    sender.write(frame(Buffer.alloc(1), { opcode: binary, fin: false }));
    await until('its bytes', () => bytesInTransfer(game) === 999);
    sender.destroy();
    await filesLeft(game, 0);
  });
});

describe('what a target is given', () => {
  beforeAll(() => game.start());
  afterEach(() => game.leave());
  afterAll(() => game.stop());

  const bytes = randomBytes(600_000);
  const label = { fromUserId: 'ada', fileName: 'file.bin' };

  test('of protocol 2 are frames with the id, and the file stays until it says that it has it', async () => {
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    expect(await ada.sendLegacy('bob', [bytes])).toBe('FILE_SENT');
    const { begin: head, pieces, end, bytes: got } = await bob.file();
    const { transferId } = head;
    expect(transferId).toMatch(/^[0-9a-f]{32}$/);
    const size = { fileSize: bytes.length, sha256: sha256(bytes) };
    expect(head).toEqual({ type: 'file_send_begin', ...label, ...size, transferId });
    expect(end).toEqual({ type: 'file_send_complete', ...label, transferId });
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024 + 16);
    expect(got.equals(bytes)).toBe(true);
    await bob.settled();
    expect(inTransfer(game)).toEqual([transferId]);
    bob.say({ type: 'file_received', transferId });
    await filesLeft(game, 0);
  });

  test.each([1, 2] as const)(
    'of protocol 1 are bare bytes, from a sender of protocol %d too; then it is gone',
    async (protocol) => {
      const [ada, bob] = [await FilePlayer.enter(game, 'ada', { protocol }), await plugin('bob')];
      if (protocol === 1) expect(await ada.sendLegacy('bob', [bytes])).toBe('FILE_SENT');
      else expect(await ada.send('bob', bytes)).toMatchObject({ delivered: true });
      const { begin: head, end, bytes: got } = await bob.file();
      const { transferId } = head;
      const size = { fileSize: bytes.length, sha256: sha256(bytes) };
      expect(head).toEqual({ type: 'file_send_begin', ...label, ...size, transferId });
      expect(end).toEqual({ type: 'file_send_complete', ...label, transferId });
      expect(got.equals(bytes)).toBe(true);
      // Nobody says that it has it.
      await filesLeft(game, 0);
    },
  );
});

describe('the size of a file of protocol 1', () => {
  afterEach(() => game.stop());

  test('is bounded by legacy_mb: a byte more is refused in words, which protocol 2 is not', async () => {
    await game.start({ 'players.files': { legacy_mb: 1 } });
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    const most = randomBytes(mib);
    const refused = 'FILE_FAILED: Larger than players.files.legacy_mb: that needs protocol 2.';
    expect(await ada.sendLegacy('bob', [], { fileSize: mib + 1 })).toBe(refused);
    expect(await ada.sendLegacy('bob', [most])).toBe('FILE_SENT');
    expect((await bob.take()).bytes.equals(most)).toBe(true);
    const more = Buffer.concat([most, most]);
    expect(await bob.send('ada', more)).toMatchObject({ type: 'file_sent' });
    expect((await ada.file()).bytes.equals(more)).toBe(true);
    // And so is any message, whatever was announced.
    ada.socket.send(Buffer.alloc(mib + 1));
    await until('the close', () => ada.closed);
    expect(ada.closed!.code).toBe(1009);
  });

  test('is nothing when legacy_mb is 0, not even for an empty file', async () => {
    await game.start({ 'players.files': { legacy_mb: 0 } });
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    for (const fileSize of [0, 1, 1000])
      expect(await ada.sendLegacy('bob', [], { fileSize })).toStartWith('FILE_FAILED: ');
    expect(inTransfer(game)).toEqual([]);
    const cara = await FilePlayer.enter(game, 'cara');
    const bytes = randomBytes(2 * mib);
    expect(await cara.send('bob', bytes)).toMatchObject({ delivered: true });
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('may not be more than memory has for bytes that wait for the disk', async () => {
    await game.start({ 'players.files': { memory_bytes: '1MB' } });
    const [ada, bob] = [await plugin('ada'), await FilePlayer.enter(game, 'bob')];
    const busy = 'FILE_FAILED: Too much waits for the disk (players.files.memory_bytes).';
    expect(await ada.sendLegacy('bob', [Buffer.alloc(mib + 1)])).toBe(busy);
    await filesLeft(game, 0);
    const bytes = randomBytes(mib);
    expect(await ada.sendLegacy('bob', [bytes])).toBe('FILE_SENT');
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });
});
