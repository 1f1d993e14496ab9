import { describe, expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { sha256Of } from '../sim/transfers-disk.ts';
import { contentOf, filesGiven, frameOf, type Player, TransferStage } from './transfer-stage.ts';

const id = 'ab'.repeat(16);
const content = contentOf(3000);

/** Alice's file is under way, and `bytes` of it are written. */
async function underWay(bytes: number, more: object = {}, stage?: TransferStage) {
  stage ??= await TransferStage.start();
  const alice = stage.join('alice');
  alice.begin(content.length, { transferId: id, ...more });
  await stage.run();
  expect(alice.take()).toMatchObject({ type: 'file_receive_ready' });
  for (let at = 0; at < bytes; at += 600) {
    alice.send(id, content.subarray(at, Math.min(bytes, at + 600)));
    await stage.run();
  }
  alice.takeAll();
  return { stage, alice };
}

async function begin(stage: TransferStage, alice: Player, more: object = {}): Promise<any> {
  alice.begin(content.length, { transferId: id, ...more });
  await stage.run();
  return alice.take();
}

/** The rest is sent from `offset` on, and what arrives is the whole. */
async function goesOn(stage: TransferStage, offset: number): Promise<void> {
  const probe = stage.join('alice');
  expect(await begin(stage, probe)).toMatchObject({ type: 'file_receive_ready', offset });
  probe.leave();
  const sha256 = sha256Of(content);
  const sent = await stage.join('alice').give(content, { transferId: id });
  expect(sent).toMatchObject({ type: 'file_sent', sha256 });
  const bob = stage.join('bob');
  await stage.run();
  expect(sha256Of(filesGiven(bob.takeAll()).at(-1)!.content)).toBe(sha256);
}

describe('a transfer whose connection broke', () => {
  test('goes on where the disk is', async () => {
    const { stage, alice } = await underWay(1000);
    alice.leave();
    await stage.run();
    expect([...stage.disk.files.values()]).toMatchObject([{ synced: 1000, isNamed: true }]);
    expect(await stage.stored()).toMatchObject([{ state: 'incoming', safeBytes: 1000 }]);
    await goesOn(stage, 1000);
  });

  test('keeps what had arrived and was not written yet', async () => {
    const { stage, alice } = await underWay(500);
    stage.disk.isHeld = true;
    alice.send(id, content.subarray(500, 900));
    alice.leave();
    const again = stage.join('alice');
    again.begin(content.length, { transferId: id });
    await stage.run();
    expect(again.takeAll()).toEqual([]);
    stage.disk.go();
    await stage.run();
    expect(again.takeAll()).toMatchObject([{ type: 'file_receive_ready', offset: 900 }]);
    again.leave();
    await goesOn(stage, 900);
  });

  test('goes on after a restart, its hash too; what was not synced comes again', async () => {
    const { stage, alice } = await underWay(1000);
    alice.leave();
    await stage.run();
    await stage.crash();
    await goesOn(stage, 1000);
  });

  test('goes on after a crash where it was last synced', async () => {
    const { stage } = await underWay(2900);
    await stage.crash();
    // The first write past 2048 bytes.
    await goesOn(stage, 2400);
  });

  test('with nothing on disk leaves nothing behind', async () => {
    const { stage, alice } = await underWay(0);
    alice.leave();
    await stage.run();
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('and that a crash cut before anything was synced leaves nothing behind', async () => {
    const { stage } = await underWay(2000);
    await stage.crash();
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
    expect(await begin(stage, stage.join('alice'))).toMatchObject({ offset: 0 });
  });

  test('is another file when target, size or hash are others', async () => {
    const sha256 = sha256Of(content);
    const { stage, alice } = await underWay(1000, { sha256 });
    alice.leave();
    await stage.run();
    const again = stage.join('alice');
    for (const other of [
      { targetUserId: 'carol' },
      { fileSize: content.length + 1 },
      { sha256: '0'.repeat(64) },
    ])
      expect(await begin(stage, again, other)).toMatchObject({
        message: fileRefusals.otherFile.message,
      });
    expect(await begin(stage, again, { sha256: sha256.toUpperCase() })).toMatchObject({
      offset: 1000,
    });
    expect(stage.disk.files.size).toBe(1);
  });

  test('is nobody else’s, and its id is known in either case', async () => {
    const { stage, alice } = await underWay(1000);
    alice.leave();
    await stage.run();
    expect(await begin(stage, stage.join('mallory'))).toMatchObject({ offset: 0 });
    const upper = await begin(stage, stage.join('alice'), { transferId: id.toUpperCase() });
    expect(upper).toMatchObject({ offset: 1000 });
  });

  test('goes when more are begun than may be under way, the oldest first', async () => {
    const stage = await TransferStage.start();
    const ids = ['1', '2', '3', '4', '5', '6'].map((digit) => digit.repeat(32));
    for (const transferId of ids.slice(0, 4)) {
      const alice = stage.join('alice');
      alice.begin(100, { transferId });
      await stage.run();
      alice.send(transferId, contentOf(10));
      alice.leave();
      await stage.run();
    }
    const alice = stage.join('alice');
    for (const transferId of ids.slice(4)) alice.begin(100, { transferId });
    await stage.run();
    expect(alice.takeAll()).toHaveLength(2);
    expect(stage.disk.files.size).toBe(4);
    const offsets = [];
    for (const transferId of ids.slice(2, 4)) {
      alice.begin(100, { transferId });
      await stage.run();
      offsets.push(alice.take().offset);
    }
    expect(offsets).toEqual([10, 10]);
    alice.begin(100, { transferId: ids[0] });
    expect(alice.take().message).toBe(fileRefusals.tooManyTransfers.message);
  });

  test('is forgotten when its time is over', async () => {
    const { stage, alice } = await underWay(1000);
    alice.leave();
    await stage.run(620_000);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('whose disk fails while it is put away is forgotten', async () => {
    const { stage, alice } = await underWay(1000);
    stage.disk.failing = 1;
    alice.leave();
    await stage.run();
    stage.disk.failing = 0;
    await stage.run(20_000);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('whose disk fails when its sender is back already is told, and holds no memory', async () => {
    const { stage, alice } = await underWay(
      600,
      {},
      await TransferStage.start({ memoryBytesMax: 700 }),
    );
    stage.disk.isHeld = true;
    alice.send(id, content.subarray(600, 700));
    await stage.run();
    alice.send(id, content.subarray(700, 1000));
    alice.leave();
    const again = stage.join('alice');
    again.begin(content.length, { transferId: id });
    stage.disk.failing = 1;
    stage.disk.go();
    await stage.run();
    expect(again.takeAll()).toMatchObject([{ message: fileRefusals.notStored.message }]);
    stage.disk.failing = 0;
    expect(await again.give(contentOf(600))).toMatchObject({ type: 'file_sent' });
  });

  test('goes on in this run even when the store could not note where', async () => {
    const { stage, alice } = await underWay(1000);
    stage.isStoreFull = true;
    alice.leave();
    await stage.run();
    stage.isStoreFull = false;
    expect(await begin(stage, stage.join('alice'))).toMatchObject({ offset: 1000 });
  });
});

describe('a second begin with the same id', () => {
  test('is refused while the first is under way, which goes on', async () => {
    const { stage, alice } = await underWay(600);
    expect(await begin(stage, alice)).toMatchObject({ message: fileRefusals.underWay.message });
    alice.send(id, content.subarray(600, 1200));
    await stage.run();
    expect(alice.takeAll().at(-1)).toMatchObject({ type: 'file_progress', received: 1200 });
  });

  test('is answered when the first, of a connection that ended, has been finished', async () => {
    const { stage, alice } = await underWay(2400);
    alice.send(id, content.subarray(2400));
    stage.disk.isHeld = true;
    alice.complete(id);
    expect(await begin(stage, alice)).toMatchObject({ message: fileRefusals.underWay.message });
    alice.leave();
    const again = stage.join('alice');
    expect(await begin(stage, again)).toBeUndefined();
    stage.disk.go();
    await stage.run();
    expect(again.take()).toMatchObject({ type: 'file_receive_ready', offset: content.length });
    again.complete(id);
    expect(again.take()).toMatchObject({ type: 'file_sent', sha256: sha256Of(content) });
    expect(await stage.stored()).toMatchObject([{ state: 'waiting' }]);
  });

  test('begins anew when the first could not be finished', async () => {
    const { stage, alice } = await underWay(2400);
    alice.send(id, content.subarray(2400));
    stage.disk.isHeld = true;
    alice.complete(id, { sha256: '0'.repeat(64) });
    alice.leave();
    const again = stage.join('alice');
    expect(await begin(stage, again)).toBeUndefined();
    stage.disk.go();
    await stage.run();
    expect(again.take()).toMatchObject({ type: 'file_receive_ready', offset: 0 });
  });

  test('finds a file that was stored, but not told so, complete', async () => {
    const { stage, alice } = await underWay(2400);
    alice.send(id, content.subarray(2400));
    alice.complete(id);
    alice.leave();
    await stage.run();
    for (const restarts of [false, true]) {
      if (restarts) await stage.crash();
      const again = stage.join('alice');
      expect(await begin(stage, again)).toMatchObject({ offset: content.length });
      again.complete(id);
      expect(again.takeAll()).toMatchObject([{ type: 'file_sent', sha256: sha256Of(content) }]);
      expect(await begin(stage, again, { fileSize: 5 })).toMatchObject({
        message: fileRefusals.otherFile.message,
      });
    }
    expect(await stage.stored()).toHaveLength(1);
  });
});

test('frames of a broken transfer, on the new connection, are refused until it begins', async () => {
  const { stage, alice } = await underWay(600);
  alice.leave();
  await stage.run();
  const again = stage.join('alice');
  again.raw(frameOf(id, content.subarray(600, 610)));
  again.complete(id);
  expect(again.takeAll()).toMatchObject([{ message: fileRefusals.noTransfer.message }]);
  expect(await begin(stage, again)).toMatchObject({ offset: 600 });
});
