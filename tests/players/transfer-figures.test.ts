import { expect, test } from 'bun:test';
import { contentOf, TransferStage } from './transfer-stage.ts';

const id = 'a'.repeat(32);
const file = { withUserId: 'bob', fileName: 'a.txt', fileSize: 600 };

test('a file under way is shown of its sender, as far as it came', async () => {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  stage.join('bob');
  alice.begin(600, { transferId: id });
  await stage.run();
  expect(stage.transfers.of('alice')).toEqual([{ direction: 'sending', ...file, bytes: 0 }]);
  alice.send(id, contentOf(600).subarray(0, 128));
  expect(stage.transfers.of('alice')).toEqual([{ direction: 'sending', ...file, bytes: 128 }]);
  expect(stage.transfers.of('bob')).toEqual([]);
  alice.leave();
  await stage.run();
  expect(stage.transfers.of('alice')).toEqual([]);
});

test('then of its target, until it has it', async () => {
  const stage = await TransferStage.start();
  const [alice, bob] = [stage.join('alice'), stage.join('bob')];
  bob.isStuck = true;
  await alice.give(contentOf(600), { transferId: id });
  await stage.run();
  expect([stage.transfers.of('alice'), stage.transfers.of('bob')]).toEqual([[], []]);
  bob.read();
  await stage.run();
  expect(stage.transfers.of('bob')).toEqual([
    { direction: 'receiving', ...file, withUserId: 'alice', bytes: 48 },
  ]);
  bob.isStuck = false;
  bob.read();
  await stage.run();
  expect(stage.transfers.of('bob')).toMatchObject([{ bytes: 600 }]);
  expect(stage.transfers.waitingBytes()).toBe(600);
  const [begin] = bob.takeAll();
  bob.say({ type: 'file_received', transferId: begin.transferId });
  expect([stage.transfers.of('bob'), stage.transfers.waitingBytes()]).toEqual([[], 0]);
});

test('to a target that left it is not under way, and begins anew when that is back', async () => {
  const stage = await TransferStage.start();
  const [alice, bob] = [stage.join('alice'), stage.join('bob')];
  await alice.give(contentOf(600), { transferId: id });
  bob.leave();
  await stage.run();
  expect(stage.transfers.of('bob')).toEqual([]);
  stage.join('bob', 1).isStuck = true;
  expect(stage.transfers.of('bob')).toEqual([]);
  await stage.run();
  expect(stage.transfers.of('bob').every(({ bytes }) => bytes < 600)).toBe(true);
});

test('files, their bytes and their failures are counted', async () => {
  const stage = await TransferStage.start();
  const [alice, bob] = [stage.join('alice', 1), stage.join('bob', 1)];
  await alice.give(contentOf(600));
  await stage.run();
  expect(bob.told.length).toBeGreaterThan(1);
  alice.begin(600);
  await stage.run();
  alice.raw(contentOf(601));
  await stage.run();
  const { figures } = stage.transfers;
  expect([figures.stored, figures.delivered]).toEqual([1, 1]);
  expect(figures.bytes).toEqual({ received: 600, sent: 600 });
  const failed = Object.entries(figures.failed).filter(([, count]) => count > 0);
  expect(failed).toEqual([['400', 1]]);
});

test('noes are counted where they are said, and ids of frames are no bytes of a file', async () => {
  const stage = await TransferStage.start({ fileBytesMax: 700 });
  const alice = stage.join('alice');
  alice.begin(701, { transferId: 'b'.repeat(32) });
  expect(alice.take()).toMatchObject({ code: 413 });
  await alice.give(contentOf(600), { transferId: id });
  const { figures } = stage.transfers;
  expect(figures.bytes).toEqual({ received: 600, sent: 0 });
  const failed = Object.entries(figures.failed).filter(([, count]) => count > 0);
  expect(failed).toEqual([['413', 1]]);
});
