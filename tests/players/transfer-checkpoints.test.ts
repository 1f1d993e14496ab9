import { expect, test } from 'bun:test';
import type { Files } from '../../src/players/transfer-ports.ts';
import { newSeat, type PlayerPeer } from '../../src/players/seat.ts';
import { Transfers } from '../../src/players/transfers.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { SimClock } from '../sim/clock.ts';
import { contentOf, frameOf, smallLimits } from './transfer-stage.ts';

const id = 'ab'.repeat(16);
const checkpointBytes = 500;
const content = contentOf(3_000);

/** Alice's upload, to a disk that answers at once but for `sync`, which the test answers. */
async function upload(fileSize = content.length) {
  const syncs: { answer: (error?: Error) => void }[] = [];
  const removed: string[] = [];
  const files: Files = {
    write: async () => ({
      append: async () => {},
      sync: () =>
        new Promise((resolve, reject) =>
          syncs.push({ answer: (error) => (error === undefined ? resolve() : reject(error)) }),
        ),
      sha256: () => 'c'.repeat(64),
    }),
    read: () => Promise.reject(new Error('nothing is read here')),
    remove: async (one) => void removed.push(one),
    list: async () => [],
    freeBytes: async () => Infinity,
  };
  const clock = new SimClock();
  const { records } = memoryStore();
  const limits = {
    ...smallLimits,
    sizes: { ...smallLimits.sizes, progressBytes: 100, creditBytes: 3_000, checkpointBytes },
  };
  const ports = { clock, files, records, newId: () => 'f'.repeat(32), seatOf: () => undefined };
  const transfers = new Transfers({ ...ports, report() {} }, limits);
  await transfers.begin();
  const told: any[] = [];
  const send = (text: string | Uint8Array) => void told.push(JSON.parse(String(text)));
  const seat = newSeat({ send } as Partial<PlayerPeer> as PlayerPeer, 'somewhere', clock, 0);
  Object.assign(seat, { state: 'open', userId: 'alice', protocol: 2 });
  const run = () => clock.run(10);
  const begin = { targetUserId: 'bob', fileName: 'a', fileSize, transferId: id };
  transfers.frame(seat, { type: 'file_send_begin', ...begin });
  await run();
  let sent = 0;
  return {
    transfers,
    seat,
    syncs,
    removed,
    run,
    told: () => told.splice(0),
    /** Of `file_progress`, the last. */
    received: () => told.findLast(({ type }) => type === 'file_progress')?.received ?? 0,
    async send(upTo: number) {
      for (; sent < upTo; sent += 50) {
        transfers.bytes(seat, frameOf(id, content.subarray(sent, sent + 50)));
        await run();
      }
    },
    safeBytes: async () => {
      const [one] = await records.all('transfers');
      return one === undefined ? undefined : JSON.parse(one.text).safeBytes;
    },
  };
}

test('what comes is written while what came is synced, and only what was synced is noted', async () => {
  const { send, syncs, received, run, safeBytes } = await upload();
  await send(1_200);
  expect(received()).toBe(1_200);
  expect(syncs).toHaveLength(1);
  expect(await safeBytes()).toBeUndefined();
  syncs[0]!.answer();
  await run();
  expect(await safeBytes()).toBe(500);
  await send(1_250);
  syncs[1]!.answer();
  await run();
  expect(await safeBytes()).toBe(1_250);
});

test('nothing more is written than four checkpoints beyond what is safe', async () => {
  const { send, syncs, received, run } = await upload();
  await send(2_500);
  expect(received()).toBe(2_000);
  syncs[0]!.answer();
  await run();
  expect(received()).toBe(2_500);
});

test('the sender hears that it was sent when all of it is synced and recorded', async () => {
  const { transfers, seat, send, syncs, run, told, safeBytes } = await upload(700);
  await send(700);
  told();
  transfers.frame(seat, { type: 'file_send_complete', transferId: id });
  await run();
  expect(syncs).toHaveLength(1);
  syncs[0]!.answer();
  await run();
  expect(syncs).toHaveLength(2);
  expect([await safeBytes(), told()]).toEqual([500, []]);
  syncs[1]!.answer();
  await run();
  expect([await safeBytes(), told()]).toMatchObject([700, [{ type: 'file_sent' }]]);
});

test('a sync that fails refuses the upload, and leaves neither file nor record', async () => {
  const { send, syncs, run, told, removed, safeBytes } = await upload();
  await send(1_000);
  told();
  syncs[0]!.answer(new Error('bad disk'));
  await run();
  expect(told()).toMatchObject([{ type: 'file_failed', code: 503 }]);
  expect(removed).toEqual(['f'.repeat(32)]);
  expect(await safeBytes()).toBeUndefined();
});

test('a file that is refused while it is synced is removed when that is over', async () => {
  const { transfers, seat, send, syncs, run, removed, safeBytes } = await upload();
  await send(1_000);
  transfers.frame(seat, { type: 'file_send_complete', transferId: id });
  await run();
  expect(removed).toEqual([]);
  syncs[0]!.answer();
  await run();
  expect(removed).toEqual(['f'.repeat(32)]);
  expect(await safeBytes()).toBeUndefined();
});

test('who is back while a checkpoint is under way goes on behind it', async () => {
  const { transfers, seat, send, syncs, run, told } = await upload();
  await send(1_000);
  transfers.left(seat);
  told();
  const begin = { targetUserId: 'bob', fileName: 'a', fileSize: content.length, transferId: id };
  transfers.frame(seat, { type: 'file_send_begin', ...begin });
  await run();
  expect(told()).toEqual([]);
  syncs[0]!.answer();
  await run();
  syncs[1]!.answer();
  await run();
  expect(told()).toMatchObject([{ type: 'file_receive_ready', offset: 1_000 }]);
});
