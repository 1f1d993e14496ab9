import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/moonstead.ts';
import { type Caller, type Script, startFakePlayers } from './support/fake-players.ts';
import { at, playground, printed } from './support/player.ts';

const mib = 1024 ** 2;
const { ends, folder, enter, fileOf, saved } = playground();

const id = 'ab'.repeat(16);
const content = Buffer.from('hello');
const sha256 = createHash('sha256').update(content).digest('hex');

async function faced(script: Script) {
  const players = startFakePlayers(script);
  ends.push(players.stop);
  return { players, bob: await enter('bob', at(players.http)) };
}

function forward(
  { send, bytes }: Caller,
  { fileName = 'a.txt', hash = sha256, sent = content, fileSize = 5, transferId = id } = {},
): void {
  const file = { transferId, fileName, fromUserId: 'alice' };
  send({ type: 'file_send_begin', ...file, fileSize, sha256: hash });
  bytes(Buffer.concat([Buffer.from(transferId, 'hex'), sent]));
  send({ type: 'file_send_complete', ...file });
}

test.each([
  ['its SHA-256 is another', { hash: 'f'.repeat(64) }],
  ['fewer bytes than announced', { fileSize: 6 }],
  ['more bytes than announced', { fileSize: 4 }],
])('a file is not kept when it has %s, and the server does not hear it', async (why, fault) => {
  const { players, bob } = await faced({
    welcome: (caller) => {
      forward(caller, fault);
      forward(caller, { transferId: 'cd'.repeat(16), fileName: 'good.txt' });
    },
  });
  await printed(bob, `from alice: a.txt is not saved: ${why}`);
  await until('the good one', () => players.received.length > 0);
  expect(players.received).toEqual([{ type: 'file_received', transferId: 'cd'.repeat(16) }]);
  expect(saved('bob')).toEqual(['good.txt']);
});

test('names that the server did not clean stay in the folder', async () => {
  const names = ['../../up.txt', '/abs.txt', '..', 'C:\\x\\win.txt', 'nul\0.txt', '.ssh/.rc'];
  const { players } = await faced({
    welcome: (caller) =>
      names.forEach((fileName, index) =>
        forward(caller, { fileName, transferId: `${index}`.padStart(32, '0') }),
      ),
  });
  await until('all', () => players.received.length === names.length);
  expect(saved('bob')).toEqual(['abs.txt', 'file', 'nul_.txt', 'rc', 'up.txt', 'win.txt']);
  expect(readdirSync(folder())).toEqual(['bob']);
});

test('a transferId that is a path is passed over', async () => {
  const { players, bob } = await faced({
    welcome(caller) {
      caller.send({ type: 'file_send_begin', transferId: '../x', fileName: 'a', fileSize: 0 });
      caller.send({ type: 'file_send_complete', transferId: '../x' });
      caller.bytes(Buffer.from('short'));
      forward(caller);
    },
  });
  await printed(bob, /^from alice: a.txt is saved/);
  expect(saved('bob')).toEqual(['a.txt']);
  await until('the answer', () => players.received.length > 0);
  expect(players.received).toEqual([{ type: 'file_received', transferId: id }]);
});

test('a file that comes again, for the answer was lost, is saved once and answered again', async () => {
  const { players, bob } = await faced({
    welcome: (caller) => forward(caller),
    frame: (caller) => caller.connection === 1 && caller.cut(),
  });
  await until('both answers', () => players.received.length === 2);
  expect(saved('bob')).toEqual(['a.txt']);
  expect(bob.lines().filter((line) => line.includes('is saved'))).toHaveLength(1);
});

test('a folder that cannot be written is told, and the file stays at the server', async () => {
  const players = startFakePlayers({ welcome: (caller) => forward(caller) });
  ends.push(players.stop);
  writeFileSync(join(folder(), 'bob'), 'no folder');
  const bob = await enter('bob', at(players.http));
  await printed(bob, /^a file is not saved: EEXIST/);
  bob.type('list\n');
  await until('it to go on', () => players.received.length > 0);
  expect(players.received).toEqual([{ type: 'list_online' }]);
});

test('a sender is never more than 4 MiB ahead, in frames of at most 256 KiB', async () => {
  let bytes = 0;
  let told = 0;
  let most = 0;
  const frames = new Set<number>();
  let tell = () => {};
  const { players, bob } = await faced({
    frame({ send }, { type, transferId }) {
      if (type === 'list_online') return;
      if (type === 'file_send_begin') send({ type: 'file_receive_ready', transferId, offset: 0 });
      else send({ type: 'file_sent', transferId, delivered: true, sha256: '' });
      tell = () => send({ type: 'file_progress', transferId, received: (told = bytes) });
    },
    binary(_, frame) {
      bytes += frame.length - 16;
      most = Math.max(most, bytes - told);
      frames.add(frame.length);
    },
  });
  const { path } = fileOf('big.bin', 10 * mib);
  bob.type(`send alice ${path}\n`);
  for (const lists of [1, 2]) {
    await until('the credit to be used', () => bytes - told > 4 * mib - 256 * 1024);
    bob.type('list\n');
    await until('what came behind it', () => players.received.length > lists);
    tell();
  }
  await printed(bob, 'to alice: big.bin is sent');
  expect([bytes, most <= 4 * mib]).toEqual([10 * mib, true]);
  expect(Math.max(...frames)).toBe(256 * 1024);
});

test('^C leaves in the middle of a file, and says so', async () => {
  const { players, bob } = await faced({
    frame({ send }, { type, transferId }) {
      if (type === 'file_send_begin') send({ type: 'file_receive_ready', transferId, offset: 0 });
    },
  });
  const { path } = fileOf('big.bin', 5 * mib);
  bob.type(`send alice ${path}\nsend alice ${path}\n`);
  await until('it to begin', () => players.received.length > 0);
  bob.signal('SIGINT');
  expect(await bob.ended).toEqual({ code: 1, signal: null });
  const line = 'to alice: big.bin is not sent: no answer; it may not have arrived';
  expect(bob.lines()).toEqual([line, line]);
});

test.each([
  [409, 'is sent'],
  [503, 'is sent'],
  [507, 'is not sent: No.'],
])('a %d is tried again or not: the file %s', async (code, outcome) => {
  let tries = 0;
  const { players, bob } = await faced({
    frame({ send }, { type, transferId }) {
      tries += 1;
      if (tries === 1) send({ type: 'file_failed', transferId, code, message: 'No.' });
      else if (type === 'file_send_begin')
        send({ type: 'file_receive_ready', transferId, offset: 5 });
      else send({ type: 'file_sent', transferId, delivered: true, sha256 });
    },
  });
  writeFileSync(join(folder(), 'a.txt'), content);
  bob.type(`send alice ${join(folder(), 'a.txt')}\n`);
  await printed(bob, `to alice: a.txt ${outcome}`);
  expect(new Set(players.received.map(({ transferId }) => transferId)).size).toBe(1);
  expect(players.received[0]).toMatchObject({ fileName: 'a.txt', fileSize: 5, sha256 });
});
