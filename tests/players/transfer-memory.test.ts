import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clock } from '../../src/clock.ts';
import type { FileFrame } from '../../src/players/file-frames.ts';
import { filesIn } from '../../src/players/files.ts';
import { newSeat, type PlayerPeer, type PlayerSeat } from '../../src/players/seat.ts';
import { protocolSizes } from '../../src/players/transfer-ports.ts';
import { Transfers } from '../../src/players/transfers.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { frameOf, smallLimits } from './transfer-stage.ts';

const MB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'moonstead-transfers-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a file of 64 MB goes through real files to a slow target in little memory', async () => {
  const online = new Map<string, PlayerSeat>();
  const transfers = new Transfers(
    {
      clock,
      files: await filesIn(join(root, 'transfers')),
      records: memoryStore().records,
      newId: () => crypto.randomUUID().replaceAll('-', ''),
      seatOf: (userId) => online.get(userId),
      report() {},
    },
    {
      ...smallLimits,
      fileBytesMax: 64 * MB,
      userBytesMax: 64 * MB,
      totalBytesMax: 64 * MB,
      memoryBytesMax: 16 * MB,
      sizes: protocolSizes,
    },
  );
  await transfers.begin();

  const join_ = (userId: string, peer: Partial<PlayerPeer>) => {
    const seat = newSeat(peer as PlayerPeer, 'somewhere', clock, 0);
    Object.assign(seat, { state: 'open', userId, protocol: 2 });
    online.set(userId, seat);
    return seat;
  };

  const size = 64 * MB;
  const pieceBytes = 256 * 1024;
  const transferId = 'a'.repeat(32);
  /** The content is never there as a whole. */
  const pieceAt = (offset: number) => new Uint8Array(pieceBytes).fill((offset / pieceBytes) & 0xff);
  const hash = new Bun.CryptoHasher('sha256');
  for (let at = 0; at < size; at += pieceBytes) hash.update(pieceAt(at));
  const sha256 = hash.digest('hex');

  let buffered = 0;
  let bufferedMost = 0;
  let received = 0;
  const receivedHash = new Bun.CryptoHasher('sha256');
  const arrived = Promise.withResolvers<void>();
  const bob = join_('bob', {
    getBufferedAmount: () => buffered,
    send(frame) {
      if (typeof frame === 'string') {
        if (JSON.parse(frame).type === 'file_send_complete') arrived.resolve();
        return;
      }
      receivedHash.update(frame.subarray(16));
      received += frame.length - 16;
      // Every other frame stays in the socket for a while, and leaves it in two steps.
      if (received % 2 === 0) return;
      buffered += frame.length;
      bufferedMost = Math.max(bufferedMost, buffered);
      for (const left of [1000, 0])
        setTimeout(() => {
          buffered = left;
          transfers.drained(bob);
        }, 1);
    },
  });

  let sent = 0;
  const frames: Uint8Array[] = [];
  const told = Promise.withResolvers<any>();
  const alice = join_('alice', {
    send(text) {
      const frame = JSON.parse(String(text));
      if (frame.type === 'file_sent' || frame.type === 'file_failed') return told.resolve(frame);
      const upTo = Math.min(size, (frame.offset ?? frame.received) + protocolSizes.creditBytes);
      // In a turn of its own, as frames come.
      setImmediate(() => {
        for (; sent < upTo; sent += pieceBytes) {
          frames.push(frameOf(transferId, pieceAt(sent)));
          transfers.bytes(alice, frames.at(-1)!);
        }
        if (sent === size) say({ type: 'file_send_complete', transferId });
      });
    },
  });
  const say = (frame: FileFrame) => transfers.frame(alice, frame);

  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let most = 0;
  const looking = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 5);
  const begin = { targetUserId: 'bob', fileName: 'big', fileSize: size, transferId };
  say({ type: 'file_send_begin', ...begin });
  expect(await told.promise).toMatchObject({ type: 'file_sent', delivered: true, sha256 });
  await arrived.promise;
  clearInterval(looking);
  transfers.end();

  expect(receivedHash.digest('hex')).toBe(sha256);
  expect(received).toBe(size);
  expect(bufferedMost).toBeLessThanOrEqual(pieceBytes);
  expect(most).toBeLessThan(64 * MB);
  // What is written does not wait for the collector.
  expect(frames.filter(({ buffer }) => buffer.byteLength > 0)).toEqual([]);
});
