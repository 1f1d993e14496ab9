import { describe, expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { sha256Of } from '../sim/transfers-disk.ts';
import { contentOf, filesGiven, frameOf, TransferStage } from './transfer-stage.ts';

const id = 'a'.repeat(32);
const failed = (refusal: keyof typeof fileRefusals, transferId: string | null = id) => {
  const { code, message } = fileRefusals[refusal];
  return { type: 'file_failed', ...(transferId && { transferId }), code, message };
};
const ready = (offset = 0, transferId = id) => ({ type: 'file_receive_ready', transferId, offset });

/** Alice may send a file of `bytes` bytes. */
async function begun(bytes: number, more: object = {}) {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  alice.begin(bytes, { transferId: id, ...more });
  await stage.run();
  expect(alice.take()).toEqual(ready());
  return { stage, alice };
}

describe('a file of protocol 2', () => {
  test('is sent with progress, stored, and answered with what it is', async () => {
    const content = contentOf(600);
    const { stage, alice } = await begun(600);
    alice.send(id, content.subarray(0, 512));
    await stage.run();
    const progress = alice.takeAll();
    expect(progress.at(-1)).toEqual({ type: 'file_progress', transferId: id, received: 512 });
    alice.send(id, content.subarray(512));
    alice.complete(id);
    await stage.run();
    const sha256 = sha256Of(content);
    expect(alice.takeAll()).toEqual([
      { type: 'file_sent', transferId: id, delivered: false, sha256 },
    ]);
    const [stored] = await stage.stored();
    expect(stored).toMatchObject({ state: 'waiting', senderId: 'alice', targetId: 'bob', sha256 });
    expect(stage.disk.files.get(String(stored!.id))).toMatchObject({ synced: 600 });
    expect(Buffer.from(stage.disk.files.get(String(stored!.id))!.bytes)).toEqual(
      Buffer.from(content),
    );
  });

  test('is told when it went to somebody online', async () => {
    const stage = await TransferStage.start();
    stage.join('bob');
    expect(await stage.join('alice').give(contentOf(10))).toMatchObject({ delivered: true });
  });

  test('may be empty, and gets an id of ours when it has none', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice');
    alice.begin(0);
    await stage.run();
    const { transferId, offset } = alice.take();
    expect([transferId, offset]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), 0]);
    alice.complete(transferId);
    await stage.run();
    expect(alice.take()).toMatchObject({ type: 'file_sent', sha256: sha256Of(new Uint8Array(0)) });
  });

  test('several share a socket, in frames of any size', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice');
    const ids = ['1', '2', '3'].map((digit) => digit.repeat(32));
    for (const transferId of ids) alice.begin(300, { transferId });
    await stage.run();
    expect(alice.takeAll()).toEqual(ids.map((transferId) => ready(0, transferId)));
    const contents = ids.map((_, n) => contentOf(300, n));
    for (let at = 0; at < 300; at += 7)
      ids.forEach((transferId, n) => alice.send(transferId, contents[n]!.subarray(at, at + 7)));
    for (const transferId of ids) alice.complete(transferId);
    await stage.run();
    const sent = alice.takeAll().filter(({ type }) => type === 'file_sent');
    expect(sent.map(({ sha256 }) => sha256)).toEqual(contents.map(sha256Of));
  });

  test('may say its hash before or after, in either case, and has to keep to it', async () => {
    const content = contentOf(100);
    const right = sha256Of(content).toUpperCase();
    const wrong = '0'.repeat(64);
    const stage = await TransferStage.start();
    const alice = stage.join('alice');
    for (const [before, after, outcome] of [
      [right, undefined, 'file_sent'],
      [undefined, right, 'file_sent'],
      [right, right.toLowerCase(), 'file_sent'],
      [wrong, undefined, 'file_failed'],
      [undefined, wrong, 'file_failed'],
      [right, wrong, 'file_failed'],
    ]) {
      alice.begin(100, { transferId: id, sha256: before });
      await stage.run();
      alice.send(id, content);
      alice.complete(id, { sha256: after, fileSize: 100 });
      await stage.run();
      const [, told] = alice.takeAll();
      expect(told).toMatchObject({ type: outcome });
      if (outcome === 'file_failed') expect(told).toEqual(failed('wrongHash'));
      for (const { id: stored } of await stage.stored())
        stage.join('bob').say({ type: 'file_received', transferId: String(stored) });
      await stage.run();
    }
    expect(stage.disk.files.size).toBe(0);
  });
});

describe('a file that is not as it was said', () => {
  test('one byte too many, and it fails at once and is gone', async () => {
    const { stage, alice } = await begun(100);
    alice.send(id, contentOf(101));
    expect(alice.takeAll()).toEqual([failed('tooManyBytes')]);
    await stage.run();
    expect(stage.disk.files.size).toBe(0);
  });

  test('one byte too few, and it fails when it says that it is complete', async () => {
    const { stage, alice } = await begun(100);
    alice.send(id, contentOf(99));
    alice.complete(id);
    expect(alice.takeAll()).toEqual([failed('tooFewBytes')]);
    await stage.run();
    expect(stage.disk.files.size).toBe(0);
  });

  test('another size at the end is one of these', async () => {
    for (const [fileSize, refusal] of [
      [99, 'tooManyBytes'],
      [101, 'tooFewBytes'],
    ] as const) {
      const { alice } = await begun(100);
      alice.send(id, contentOf(100));
      alice.complete(id, { fileSize });
      expect(alice.takeAll()).toEqual([failed(refusal)]);
    }
  });

  test('what still comes of it is passed over, until it begins anew', async () => {
    const { stage, alice } = await begun(100);
    alice.send(id, contentOf(200));
    alice.complete(id);
    expect(alice.takeAll()).toEqual([failed('tooManyBytes')]);
    expect(await alice.give(contentOf(100), { transferId: id })).toMatchObject({
      type: 'file_sent',
    });
    expect(await stage.stored()).toHaveLength(1);
  });
});

describe('frames out of place', () => {
  test('bytes of no transfer are refused once, however many come', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice');
    for (let n = 0; n < 10; n++) alice.raw(frameOf(id, contentOf(10)));
    alice.complete(id);
    alice.complete('b'.repeat(32));
    expect(alice.takeAll()).toEqual([failed('noTransfer'), failed('noTransfer', 'b'.repeat(32))]);
  });

  test('bytes and the end before ready are refused', async () => {
    for (const isEnd of [true, false]) {
      const stage = await TransferStage.start();
      const alice = stage.join('alice');
      alice.begin(0, { transferId: id });
      if (isEnd) alice.complete(id);
      else alice.send(id, contentOf(1));
      await stage.run();
      expect(alice.takeAll()).toEqual([failed('notReady')]);
      expect([stage.disk.files.size, alice.closed]).toEqual([0, undefined]);
    }
  });

  test('a frame shorter than an id is refused, one larger than allowed ends the connection', async () => {
    const { stage, alice } = await begun(1000);
    alice.raw(new Uint8Array(15), frameOf(id, contentOf(64)), frameOf(id, contentOf(0)));
    expect(alice.takeAll()).toEqual([failed('badFrame', null)]);
    alice.raw(frameOf(id, contentOf(65)));
    expect(alice.closed).toBe(1009);
    await stage.run();
    expect(await stage.stored()).toMatchObject([{ state: 'incoming', safeBytes: 64 }]);
  });

  test('an id means something only for its sender', async () => {
    const { stage, alice } = await begun(100);
    const mallory = stage.join('mallory');
    mallory.send(id, contentOf(100));
    mallory.complete(id);
    expect(mallory.takeAll()).toEqual([failed('noTransfer')]);
    mallory.begin(50, { transferId: id, targetUserId: 'carol' });
    await stage.run();
    expect(mallory.take()).toEqual(ready());
    mallory.send(id, contentOf(50, 2));
    mallory.complete(id);
    alice.send(id, contentOf(100));
    alice.complete(id);
    await stage.run();
    expect(alice.take()).toMatchObject({ sha256: sha256Of(contentOf(100)) });
    expect(mallory.take()).toMatchObject({ sha256: sha256Of(contentOf(50, 2)) });
    expect(filesGiven(stage.join('carol').takeAll())).toEqual([]);
  });

  test('what comes after the end changes nothing', async () => {
    const { stage, alice } = await begun(100);
    alice.send(id, contentOf(100));
    alice.complete(id);
    alice.send(id, contentOf(100, 2));
    alice.complete(id);
    await stage.run();
    expect(alice.takeAll()).toMatchObject([
      { type: 'file_sent', sha256: sha256Of(contentOf(100)) },
    ]);
  });
});

describe('the disk and the store', () => {
  test('nothing is told that is not committed: not the file, not its record', async () => {
    const { stage, alice } = await begun(100);
    stage.disk.isHeld = true;
    alice.send(id, contentOf(100));
    alice.complete(id);
    await stage.run(60_000);
    expect(alice.takeAll()).toEqual([]);
    stage.disk.go();
    await stage.run();
    expect(alice.takeAll()).toMatchObject([{ type: 'file_sent' }]);
  });

  test('a store that cannot write fails the file, and leaves nothing', async () => {
    const { stage, alice } = await begun(100);
    stage.isStoreFull = true;
    alice.send(id, contentOf(100));
    alice.complete(id);
    await stage.run();
    expect(alice.takeAll()).toEqual([failed('notStored')]);
    stage.isStoreFull = false;
    await stage.run(60_000);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('a disk that fails at any step fails the file; the next one is none the worse', async () => {
    const fails = async (at: 'begin' | 'bytes' | 'complete') => {
      const stage = await TransferStage.start();
      const alice = stage.join('alice');
      stage.disk.failing = at === 'begin' ? 1 : 0;
      alice.begin(100, { transferId: id });
      await stage.run();
      if (at === 'bytes') stage.disk.failing = 1;
      alice.send(id, contentOf(100));
      if (at !== 'begin') await stage.run();
      if (at === 'complete') stage.disk.failing = 1;
      alice.complete(id);
      await stage.run();
      expect(alice.takeAll().at(-1)).toEqual(failed('notStored'));
      stage.disk.failing = 0;
      await stage.run(60_000);
      expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
      expect(await alice.give(contentOf(100))).toMatchObject({ type: 'file_sent' });
    };
    for (const at of ['begin', 'bytes', 'complete'] as const) await fails(at);
  });

  test('a disk without room is told before ready; what others may still send counts', async () => {
    const stage = await TransferStage.start({ freeBytesMin: 1000 });
    const alice = stage.join('alice');
    stage.disk.capacity = 2000;
    const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(32));
    alice.begin(700, { transferId: one });
    alice.begin(301, { transferId: two });
    alice.begin(300, { transferId: three });
    await stage.run();
    const told = alice.takeAll().sort((a, b) => (a.transferId < b.transferId ? -1 : 1));
    expect(told).toEqual([ready(0, one), failed('diskFull', two), ready(0, three)]);
    alice.send(one!, contentOf(700));
    await stage.run();
    alice.begin(1, { transferId: two });
    await stage.run();
    expect(alice.takeAll().at(-1)).toEqual(failed('diskFull', two));
  });

  test('the event log names files by id and size, never by name or content', async () => {
    const { stage, alice } = await begun(6, { fileName: 'secret.txt' });
    alice.send(id, new TextEncoder().encode('secret'));
    alice.complete(id);
    await stage.run();
    expect(stage.events).toHaveLength(1);
    expect(stage.events[0]).toMatch(/^file_stored [0-9a-f]{32} 6$/);
  });
});
