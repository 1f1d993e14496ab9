import { Database } from 'bun:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesInTransfer,
  complete,
  FilePlayer,
  filesLeft,
  inTransfer,
  type Label,
  mib,
  newId,
  piece,
  pieceBytes,
  sha256,
} from '../support/files.ts';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';

const game = new Game();
const enter = (userId: string, protocol: 1 | 2 = 2) => FilePlayer.enter(game, userId, { protocol });

describe('a file', () => {
  beforeAll(() => game.start());
  afterEach(async () => {
    await game.leave();
    await filesLeft(game, 0);
  });
  afterAll(() => game.stop());

  test('is sent with progress at every MiB, given to its target, and deleted when that has it', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const bytes = randomBytes(3 * mib + 12_345);
    const transferId = newId();
    const label = { fileName: 'Mäuschen 🐭.pmp', sha256: sha256(bytes).toUpperCase() };
    const ready = await ada.begin('bob', bytes.length, { ...label, transferId });
    expect(ready).toEqual({ type: 'file_receive_ready', transferId, offset: 0 });
    for (let received = mib; received <= 3 * mib; received += mib) {
      await ada.bytes(transferId, bytes, received - mib, received);
      expect(await ada.frame('file_progress')).toEqual({
        type: 'file_progress',
        transferId,
        received,
      });
    }
    await ada.bytes(transferId, bytes, 3 * mib);
    const sent = { type: 'file_sent', transferId, delivered: true, sha256: sha256(bytes) };
    expect(await ada.complete(transferId)).toEqual(sent);
    const given = await bob.file();
    const id = given.begin.transferId;
    expect(given.begin).toEqual({
      type: 'file_send_begin',
      fromUserId: 'ada',
      fileName: label.fileName,
      fileSize: bytes.length,
      sha256: sha256(bytes),
      transferId: id,
    });
    const { fileName } = label;
    const end = { type: 'file_send_complete', transferId: id, fileName, fromUserId: 'ada' };
    expect(given.end).toEqual(end);
    expect(given.bytes.equals(bytes)).toBe(true);
    expect(Math.max(...given.pieces.map(({ length }) => length))).toBeLessThanOrEqual(
      pieceBytes + 16,
    );
    await bob.settled();
    expect([id === transferId, inTransfer(game)]).toEqual([false, [id]]);
    bob.say({ type: 'file_received', transferId: id });
    await filesLeft(game, 0);
    expect(ada.all('file_progress')).toHaveLength(3);
  });

  test('gets an id of the server’s when its sender has none', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const { transferId } = await ada.begin('bob', 3);
    expect(transferId).toMatch(/^[0-9a-f]{32}$/);
    await ada.bytes(transferId, Buffer.from('abc'));
    expect(await ada.complete(transferId)).toMatchObject({ type: 'file_sent', transferId });
    expect((await bob.take()).bytes.toString()).toBe('abc');
  });

  test('shares its socket with others, whose frames mix with its own', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const files = Array.from({ length: 4 }, (_, i) => {
      return { id: newId(), bytes: randomBytes(1 + i * mib) };
    });
    for (const { id, bytes } of files) await ada.begin('bob', bytes.length, { transferId: id });
    for (let at = 0; at <= 3 * mib; at += pieceBytes)
      for (const { id, bytes } of files)
        await ada.bytes(id, bytes, at, Math.min(at + pieceBytes, bytes.length));
    for (const { id, bytes } of files.toReversed())
      expect(await ada.complete(id)).toMatchObject({ transferId: id, sha256: sha256(bytes) });
    for (const { bytes } of files.toReversed())
      expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('for who is away is not delivered yet, and comes whenever that one connects until it has it', async () => {
    const ada = await enter('ada');
    const bytes = randomBytes(500_000);
    const sent = await ada.send('later', bytes);
    expect(sent).toMatchObject({ type: 'file_sent', delivered: false, sha256: sha256(bytes) });
    const first = await enter('later');
    const given = await first.file();
    await first.close();
    const again = await (await enter('later')).take();
    expect([again.begin, again.end]).toEqual([given.begin, given.end]);
    expect(again.bytes.equals(bytes)).toBe(true);
    await filesLeft(game, 0);
    const third = await enter('later');
    await third.settled();
    expect(third.all('file_send_begin')).toEqual([]);
  });

  test.each([
    ['no frame at all', []],
    ['an empty frame', [0]],
    ['empty frames between others', [0, 1, 0, 0, 4, 0]],
    ['frames of any size', [1, 2, 3, 70_000, 5]],
    ['a frame as large as can be', [pieceBytes]],
  ])('may come in %s', async (_what, sizes) => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    const parts = sizes.map((size) => randomBytes(size));
    const bytes = Buffer.concat(parts);
    const transferId = newId();
    await ada.begin('bob', bytes.length, { transferId });
    for (const part of parts) ada.socket.send(piece(transferId, part));
    const sent = { type: 'file_sent', delivered: true, sha256: sha256(bytes) };
    expect(await ada.complete(transferId)).toMatchObject(sent);
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test.each<[string, Label, Label]>([
    ['before', { sha256: sha256(Buffer.from('other')) }, {}],
    ['after', {}, { sha256: sha256(Buffer.from('other')) }],
    ['after, unlike before', { sha256: sha256(Buffer.from('file')) }, { sha256: '0'.repeat(64) }],
  ])(
    'whose SHA-256, told %s, is another is refused, and nobody gets it',
    async (_, first, last) => {
      const [ada, bob] = [await enter('ada'), await enter('bob')];
      const { transferId } = await ada.begin('bob', 4, first);
      await ada.bytes(transferId, Buffer.from('file'));
      ada.say({ ...complete(transferId), ...last });
      const failed = { transferId, code: 400, message: 'The SHA-256 is another.' };
      expect(await ada.frame('file_failed', 'file_sent')).toEqual({
        type: 'file_failed',
        ...failed,
      });
      await filesLeft(game, 0);
      expect(bob.all('file_send_begin')).toEqual([]);
    },
  );
});

describe('a restart', () => {
  let folder: string;
  const start = () => game.start({}, folder);
  const again = async (signal: NodeJS.Signals) => {
    // Clients that leave first would have what they sent put away.
    game.server.signal(signal);
    await game.server.process.exited;
    await game.stop(signal);
    await start();
  };

  beforeEach(async () => {
    folder = temporaryFolder();
    await start();
  });
  afterEach(async () => {
    await game.stop();
    rmSync(folder, { recursive: true });
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s loses no file that was sent, and what is unfinished goes on where it is synced',
    async (signal) => {
      const whole = randomBytes(700_000);
      // More than a crash may cost, which is 64 MiB.
      const bytes = randomBytes(82 * mib + 3);
      const cut = 81 * mib;
      const [large, small] = [newId(), newId()];
      let ada = await enter('ada');
      expect(await ada.send('bob', whole)).toMatchObject({ delivered: false });
      await ada.begin('bob', bytes.length, { transferId: large });
      await ada.begin('bob', 2 * mib, { transferId: small });
      await ada.bytes(large, bytes, 0, cut);
      await ada.bytes(small, bytes, 0, mib);
      const onDisk = whole.length + cut + mib;
      await until('its bytes', () => bytesInTransfer(game) === onDisk);
      await again(signal);
      ada = await enter('ada');
      const { offset } = await ada.begin('bob', bytes.length, { transferId: large });
      const smallOnes = await ada.begin('bob', 2 * mib, { transferId: small });
      // A crash may cost what came since the last sync, a stop nothing.
      if (signal === 'SIGTERM') expect([offset, smallOnes.offset]).toEqual([cut, mib]);
      else expect([offset >= 16 * mib && offset <= cut, smallOnes.offset]).toEqual([true, 0]);
      await ada.bytes(large, bytes, offset);
      await ada.bytes(small, bytes, smallOnes.offset, 2 * mib);
      expect(await ada.complete(large)).toMatchObject({ sha256: sha256(bytes) });
      await again(signal);
      const bob = await enter('bob');
      for (const sent of [whole, bytes]) expect((await bob.take()).bytes.equals(sent)).toBe(true);
      // What is left is the small one, which is still unfinished; a crash forgets so little.
      await filesLeft(game, signal === 'SIGTERM' ? 1 : 0);
    },
  );

  test('after keep_hours deletes what waited, and what was never finished', async () => {
    const ada = await enter('ada');
    await ada.send('cara', Buffer.from('waits'));
    const { transferId } = await ada.begin('cara', 10);
    await ada.bytes(transferId, Buffer.from('broken'));
    await until('its bytes', () => bytesInTransfer(game) >= 11);
    await game.stop();
    for (const hours of [71, 2]) {
      const db = new Database(join(folder, 'data', 'moonstead.db'));
      const older = `json_set(text, '$.touchedMs', json_extract(text, '$.touchedMs') - ?1)`;
      db.run(`UPDATE records SET text = ${older} WHERE "set" = 'transfers'`, [hours * 3_600_000]);
      db.close();
      await start();
      await filesLeft(game, hours === 71 ? 2 : 0);
      if (hours === 71) await game.stop();
    }
    const cara = await enter('cara');
    await cara.settled();
    expect(cara.all('file_send_begin')).toEqual([]);
  });
});
