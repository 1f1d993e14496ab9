import { expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { contentOf, filesGiven, TransferStage } from './transfer-stage.ts';

const id = 'ab'.repeat(16);
const { tooSlow, tooManyTransfers } = fileRefusals;

/** One that may stall for a minute. */
async function begun(protocol: 1 | 2, fileSize: number) {
  const stage = await TransferStage.start({ stallMs: 60_000, perUserMax: 1 });
  const alice = stage.join('alice', protocol);
  alice.begin(fileSize, { transferId: id });
  await stage.run();
  alice.takeAll();
  return { stage, alice };
}

test('who sends nothing more is told so, and its place is free for another', async () => {
  const { stage, alice } = await begun(2, 100);
  await stage.run(50_000);
  alice.send(id, contentOf(50));
  await stage.run(59_000);
  alice.begin(10, { transferId: 'c'.repeat(32) });
  expect(alice.takeAll()).toMatchObject([{ message: tooManyTransfers.message }]);
  await stage.run(20_000);
  expect(alice.takeAll()).toMatchObject([
    { type: 'file_failed', transferId: id, code: 408, message: tooSlow.message },
  ]);
  // What still comes is passed over.
  alice.send(id, contentOf(50));
  alice.begin(10, { transferId: 'c'.repeat(32) });
  await stage.run();
  expect(alice.takeAll()).toMatchObject([{ type: 'file_receive_ready', offset: 0 }]);
});

test('it may resume what came, on the same connection', async () => {
  const { stage, alice } = await begun(2, 100);
  alice.send(id, contentOf(50));
  await stage.run(80_000);
  expect(alice.takeAll()).toMatchObject([{ message: tooSlow.message }]);
  alice.begin(100, { transferId: id });
  await stage.run();
  expect(alice.takeAll()).toMatchObject([{ type: 'file_receive_ready', offset: 50 }]);
  alice.send(id, contentOf(100).subarray(50));
  alice.complete(id);
  await stage.run();
  expect(alice.takeAll()).toMatchObject([{ type: 'file_sent' }]);
});

test('of one that sent nothing at all nothing is left', async () => {
  const { stage, alice } = await begun(2, 100);
  await stage.run(80_000);
  expect(alice.takeAll()).toMatchObject([{ message: tooSlow.message }]);
  expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
});

test('a slow disk is no fault of the sender', async () => {
  const { stage, alice } = await begun(2, 100);
  stage.disk.isHeld = true;
  alice.send(id, contentOf(50));
  await stage.run(200_000);
  stage.disk.go();
  await stage.run(50_000);
  expect(alice.takeAll()).toEqual([]);
});

test('protocol 1, whose file comes at once, has that time for each megabyte', async () => {
  const { stage, alice } = await begun(1, 2_000);
  await stage.run(59_000);
  expect(alice.takeAll()).toEqual([]);
  await stage.run(20_000);
  expect(alice.takeAll()).toEqual([`FILE_FAILED: ${tooSlow.message}`]);
  const large = await TransferStage.start({
    stallMs: 60_000,
    fileBytesMax: 1 << 24,
    legacyBytesMax: 1 << 24,
    userBytesMax: 1 << 24,
    totalBytesMax: 1 << 24,
  });
  const bob = large.join('bob', 1);
  bob.begin(4 << 20);
  await large.run(239_000);
  expect(bob.takeAll()).toEqual(['file_receive_ready']);
  await large.run(20_000);
  expect(bob.takeAll()).toEqual([`FILE_FAILED: ${tooSlow.message}`]);
});

test('a broken transfer is kept for as long as those are, and a whole file for its own time', async () => {
  const stage = await TransferStage.start({ resumeMs: 100_000, keepMs: 300_000 });
  const alice = stage.join('alice');
  await alice.give(contentOf(10));
  alice.begin(100, { transferId: id });
  await stage.run();
  alice.send(id, contentOf(50));
  alice.leave();
  await stage.run(90_000);
  expect(stage.disk.files.size).toBe(2);
  await stage.run(20_000);
  expect(await stage.stored()).toMatchObject([{ state: 'waiting' }]);
  await stage.run(200_000);
  expect(await stage.stored()).toEqual([]);
});

test('a file that is being given to its target is not thrown away meanwhile', async () => {
  const stage = await TransferStage.start();
  await stage.join('alice').give(contentOf(300));
  await stage.run(560_000);
  const bob = stage.join('bob');
  bob.isStuck = true;
  for (let n = 0; n < 8; n++) {
    await stage.run(20_000);
    bob.read();
  }
  await stage.run(20_000);
  expect(filesGiven(bob.told)).toMatchObject([
    { content: Buffer.from(contentOf(300)), isWhole: true },
  ]);
});

test('but when its target takes nothing of it for that long, it is', async () => {
  const stage = await TransferStage.start();
  await stage.join('alice').give(contentOf(300));
  const bob = stage.join('bob');
  bob.isStuck = true;
  await stage.run(590_000);
  expect(stage.disk.files.size).toBe(1);
  await stage.run(30_000);
  expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
});
