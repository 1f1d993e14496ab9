import { describe, expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { contentOf, filesGiven, TransferStage } from './transfer-stage.ts';

const id = 'ab'.repeat(16);
const content = contentOf(3000);

/** Alice's file is under way, and 600 bytes of it are written. */
async function underWay() {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  alice.begin(content.length, { transferId: id });
  await stage.run();
  alice.send(id, content.subarray(0, 600));
  await stage.run();
  expect(alice.takeAll().map(({ type }) => type)).toContain('file_progress');
  return { stage, alice };
}

describe('a stop', () => {
  test('puts away what came, finishes what is whole, and takes nothing more', async () => {
    const { stage, alice } = await underWay();
    const eve = stage.join('eve');
    eve.begin(10, { transferId: id });
    await stage.run();
    eve.take();
    stage.disk.isHeld = true;
    eve.send(id, contentOf(10));
    eve.complete(id);
    alice.send(id, content.subarray(600, 1100));
    let isOver = false;
    void stage.transfers.drain(10_000).then(() => (isOver = true));
    alice.send(id, content.subarray(1100, 1200));
    alice.complete(id);
    alice.begin(5);
    await stage.run(5_000);
    expect(isOver).toBeFalse();
    stage.disk.go();
    await stage.run();
    expect(isOver).toBeTrue();
    expect(alice.takeAll()).toMatchObject([{ message: fileRefusals.stopping.message }]);
    expect(eve.takeAll()).toMatchObject([{ type: 'file_sent' }]);
    alice.leave();
    eve.leave();
    await stage.restart();
    const again = stage.join('alice');
    again.begin(content.length, { transferId: id });
    await stage.run();
    expect(again.takeAll()).toMatchObject([{ type: 'file_receive_ready', offset: 1100 }]);
  });

  test('takes no longer than it may', async () => {
    const { stage, alice } = await underWay();
    stage.disk.isHeld = true;
    alice.send(id, content.subarray(600, 700));
    let isOver = false;
    void stage.transfers.drain(2_000).then(() => (isOver = true));
    await stage.run(1_900);
    expect(isOver).toBeFalse();
    await stage.run(200);
    expect(isOver).toBeTrue();
  });
});

describe('at the start', () => {
  test('files without a record and records without a file go, other files stay', async () => {
    const stage = await TransferStage.start();
    for (const name of ['alice', 'eve', 'carol']) await stage.join(name).give(contentOf(100));
    const [first, second] = (await stage.stored()).map(({ id: one }) => String(one));
    stage.disk.files.delete(first!);
    const { bytes } = stage.disk.files.get(second!)!;
    stage.disk.files.set(second!, { bytes: bytes.slice(1), synced: 99, isNamed: true });
    stage.disk.files.set('c'.repeat(32), { bytes, synced: 100, isNamed: true });
    await stage.restart();
    await stage.run();
    const left = (await stage.stored()).map(({ id: one, senderId }) => [one, senderId]);
    expect(left).toEqual([[expect.any(String), 'carol']]);
    expect([...stage.disk.files.keys()]).toEqual([String(left[0]![0])]);
    expect(stage.events.filter((event) => event.startsWith('file_lost'))).toHaveLength(2);
    const bob = stage.join('bob');
    await stage.run();
    expect(filesGiven(bob.takeAll())).toMatchObject([{ isWhole: true }]);
  });

  test('what cannot be removed then is removed later', async () => {
    const stage = await TransferStage.start();
    stage.disk.files.set('c'.repeat(32), {
      bytes: new Uint8Array(5),
      synced: 5,
      isNamed: true,
    });
    stage.isRemovalFailing = true;
    await stage.restart();
    expect(stage.disk.files.size).toBe(1);
    stage.isRemovalFailing = false;
    await stage.run(20_000);
    expect(stage.disk.files.size).toBe(0);
  });
});
