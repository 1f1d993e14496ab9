import { afterEach, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import {
  begin,
  FilePlayer,
  filesLeft,
  inTransfer,
  mib,
  newId,
  piece,
  pieceBytes,
  rawPiece,
  sha256,
  stillCarries,
} from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';

const game = new Game();
const enter = (userId: string, protocol: 1 | 2 = 2) => FilePlayer.enter(game, userId, { protocol });
const start = (files: Record<string, unknown>) => game.start({ 'players.files': files });
afterEach(() => game.stop());

test('a file has at most max_file_mb', async () => {
  await start({ max_file_mb: 1 });
  const [ada, bob] = [await enter('ada'), await enter('bob')];
  const message = 'Larger than players.files.max_file_mb.';
  const refused = { type: 'file_failed', code: 413, message };
  for (const size of [mib + 1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER])
    expect(await ada.begin('bob', size)).toMatchObject(refused);
  expect(inTransfer(game)).toEqual([]);
  const most = randomBytes(mib);
  expect(await ada.send('bob', most)).toMatchObject({ delivered: true });
  expect((await bob.take()).bytes.equals(most)).toBe(true);
});

test('a user has at most transfers_per_user under way, and others have theirs', async () => {
  await start({});
  const [ada, bob] = [await enter('ada'), await enter('bob')];
  const ready = [];
  for (let i = 0; i < 4; i++) ready.push(await ada.begin('bob', 1));
  expect(new Set(ready.map(({ type }) => type))).toEqual(new Set(['file_receive_ready']));
  expect(await ada.begin('bob', 1)).toMatchObject({ type: 'file_failed', code: 429 });
  expect(await bob.begin('ada', 1)).toMatchObject({ type: 'file_receive_ready' });
  const { transferId } = ready[2]!;
  await ada.bytes(transferId, Buffer.from('x'));
  expect(await ada.complete(transferId)).toMatchObject({ type: 'file_sent', transferId });
  expect(await ada.begin('bob', 1)).toMatchObject({ type: 'file_receive_ready' });
  expect(await ada.begin('bob', 1)).toMatchObject({ type: 'file_failed', code: 429 });
});

test('the disk of one user and of all is bounded, until a target has taken something', async () => {
  await start({ max_file_mb: 2, user_quota_mb: 2, total_quota_mb: 3 });
  const [ada, eve] = [await enter('ada'), await enter('eve')];
  const bytes = randomBytes(2 * mib);
  await ada.send('bob', bytes);
  const message = 'Your files take too much disk (players.files.user_quota_mb).';
  expect(await ada.begin('bob', 1)).toMatchObject({ code: 507, message });
  expect(await ada.begin('bob', 0)).toMatchObject({ type: 'file_receive_ready' });
  // What is promised counts as what is there.
  expect(await eve.begin('bob', mib)).toMatchObject({ type: 'file_receive_ready' });
  const totally = 'All files take too much disk (players.files.total_quota_mb).';
  expect(await eve.begin('bob', 1)).toMatchObject({ code: 507, message: totally });
  const bob = await enter('bob');
  expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  // It counts until it is gone from the disk.
  const ready = async () => (await eve.begin('bob', mib)).type === 'file_receive_ready';
  await until('room', ready);
  expect(await ada.begin('bob', mib)).toMatchObject({ type: 'file_receive_ready' });
  expect(await ada.begin('bob', 1)).toMatchObject({ code: 507 });
});

test('the number of files is bounded, of one user and of all', async () => {
  await start({ files_per_user: 2, files_max: 3 });
  const [ada, eve] = [await enter('ada'), await enter('eve')];
  const nothing = Buffer.alloc(0);
  for (let i = 0; i < 2; i++)
    expect(await ada.send('bob', nothing)).toMatchObject({ type: 'file_sent' });
  const ofUser = 'Too many of your files wait (players.files.files_per_user).';
  expect(await ada.send('bob', nothing)).toMatchObject({ code: 429, message: ofUser });
  expect(await eve.send('bob', nothing)).toMatchObject({ type: 'file_sent' });
  const ofAll = 'Too many files wait (players.files.files_max).';
  expect(await eve.send('bob', nothing)).toMatchObject({ code: 429, message: ofAll });
});

test('without free disk nobody is told to be ready', async () => {
  await start({ min_free_mb: 16_777_216 });
  const ada = await enter('ada');
  const refused = { type: 'file_failed', code: 507, message: 'Not enough free disk.' };
  expect(await ada.begin('bob', 1)).toMatchObject(refused);
  const plugin = await enter('plugin', 1);
  expect(await plugin.sendLegacy('bob', [])).toBe('FILE_FAILED: Not enough free disk.');
  await filesLeft(game, 0);
});

test('a byte beyond 256 KiB in a frame closes with 1009, and what came before can be resumed', async () => {
  await start({});
  const ada = await enter('ada');
  const bytes = randomBytes(2 * pieceBytes + 1);
  const { transferId } = await ada.begin('bob', bytes.length);
  ada.socket.send(piece(transferId, bytes.subarray(0, pieceBytes)));
  ada.socket.send(piece(transferId, bytes.subarray(pieceBytes)));
  await until('the close', () => ada.closed);
  expect(ada.closed).toEqual({ code: 1009, reason: 'message too large' });
  const back = await enter('ada');
  const ready = await back.begin('bob', bytes.length, { transferId });
  expect(ready.offset).toBe(pieceBytes);
  await back.bytes(transferId, bytes, ready.offset);
  expect(await back.complete(transferId)).toMatchObject({ sha256: sha256(bytes) });
});

test('more than 4 MiB beyond the last progress is refused, and the connection stays', async () => {
  await start({ max_file_mb: 512, min_free_mb: 0 });
  const sender = await game.rawPlayer('ada');
  const transferId = newId();
  sender.say(begin('bob', 512 * mib, { transferId }));
  await sender.next(({ type }) => type === 'file_receive_ready');
  const burst = Buffer.concat(Array(64).fill(rawPiece(transferId, randomBytes(pieceBytes))));
  // More than 4 MiB of it wait when the server comes to read, while nothing is written to disk.
  game.server.signal('SIGSTOP');
  const failed = () => sender.frames.filter(({ type }) => type === 'file_failed');
  sender.write(burst);
  const { socket } = sender;
  let waiting = -1;
  await until('a full socket', () => {
    const isFull = socket.writableLength === waiting;
    waiting = socket.writableLength;
    return isFull;
  });
  game.server.signal('SIGCONT');
  await until('the refusal', () => {
    // A disk that keeps up is written to until it does not.
    if (socket.writableLength === 0 && failed().length === 0) sender.write(burst);
    return failed().length > 0;
  });
  sender.say({ type: 'ping' });
  await sender.next(({ type }) => type === 'pong');
  const message = 'More than 4 MiB beyond the last file_progress.';
  expect(failed()).toEqual([{ type: 'file_failed', transferId, code: 429, message }]);
  await filesLeft(game, 0);
  await stillCarries(game);
});
