import { describe, expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { sha256Of } from '../sim/transfers-disk.ts';
import { contentOf, filesGiven, type Player, TransferStage } from './transfer-stage.ts';

/** Bytes of a frame to protocol 2, without the id. */
const pieceBytes = 64 - 16;

async function withFiles(...sizes: number[]): Promise<TransferStage> {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  for (const [n, size] of sizes.entries())
    expect(
      await alice.give(contentOf(size, n), { fileName: `${n}.txt`, targetUserId: 'bob' }),
    ).toMatchObject({ type: 'file_sent' });
  return stage;
}

async function received(stage: TransferStage, bob: Player, protocol: 1 | 2 = 2) {
  await stage.run();
  return filesGiven(bob.takeAll(), protocol);
}

function has(bob: Player, file: { begin: any }): void {
  bob.say({ type: 'file_received', transferId: file.begin.transferId });
}

describe('a file that waits', () => {
  test('is given to a target of protocol 2 with everything it needs to know', async () => {
    const stage = await TransferStage.start();
    const content = contentOf(100);
    const transferId = 'e'.repeat(32);
    await stage.join('alice').give(content, { fileName: '../x/a:b.txt', transferId });
    const bob = stage.join('bob');
    await stage.run();
    const [begin, first, second, third, end] = bob.takeAll();
    expect(begin).toEqual({
      type: 'file_send_begin',
      fromUserId: 'alice',
      fileName: 'a_b.txt',
      fileSize: 100,
      sha256: sha256Of(content),
      transferId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    // The sender's id means something for the sender only: two could have the same.
    expect(begin.transferId).not.toBe(transferId);
    const head = Buffer.from(begin.transferId, 'hex');
    expect([first, second, third].map((frame) => Buffer.from(frame))).toEqual([
      Buffer.concat([head, content.subarray(0, pieceBytes)]),
      Buffer.concat([head, content.subarray(pieceBytes, 2 * pieceBytes)]),
      Buffer.concat([head, content.subarray(2 * pieceBytes)]),
    ]);
    expect(end).toEqual({
      type: 'file_send_complete',
      transferId: begin.transferId,
      fileName: 'a_b.txt',
      fromUserId: 'alice',
    });
  });

  test('is given to one of protocol 1 as bare bytes, and gone when they are written', async () => {
    const stage = await withFiles(100);
    const bob = stage.join('bob', 1);
    expect(await received(stage, bob, 1)).toMatchObject([
      { content: Buffer.from(contentOf(100, 0)), isWhole: true },
    ]);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
    await stage.restart();
    expect(await received(stage, stage.join('bob', 1), 1)).toEqual([]);
  });

  test('of protocol 1 stays until its last byte is written', async () => {
    const stage = await withFiles(40);
    const bob = stage.join('bob', 1);
    bob.isStuck = true;
    await stage.run();
    bob.read();
    await stage.run();
    expect(bob.told.at(-1)).toMatchObject({ type: 'file_send_complete' });
    expect(bob.buffered).toBeGreaterThan(0);
    bob.leave();
    await stage.run();
    expect(await stage.stored()).toHaveLength(1);
    expect(await received(stage, stage.join('bob', 1), 1)).toMatchObject([{ isWhole: true }]);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('of protocol 2 stays until its target has said that it has it', async () => {
    const stage = await withFiles(100);
    for (let n = 0; n < 3; n++) {
      if (n === 1) await stage.crash();
      expect(await received(stage, stage.join('bob'))).toMatchObject([{ isWhole: true }]);
      expect(await stage.stored()).toHaveLength(1);
    }
    const bob = stage.join('bob');
    const [file] = await received(stage, bob);
    has(bob, file!);
    await stage.run();
    has(bob, file!);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
    expect(await received(stage, stage.join('bob'))).toEqual([]);
  });

  test('is not deleted by anybody else', async () => {
    const stage = await withFiles(100);
    const [{ id }] = (await stage.stored()) as [{ id: string }];
    for (const name of ['alice', 'mallory'])
      stage.join(name).say({ type: 'file_received', transferId: id });
    await stage.run();
    expect(await received(stage, stage.join('bob'))).toHaveLength(1);
  });

  test('comes in its turn, each file whole before the next, also after a restart', async () => {
    const stage = await withFiles(200, 0, 100);
    await stage.crash();
    await stage.join('eve').give(contentOf(50, 3), { fileName: '3.txt' });
    for (const protocol of [2, 1] as const) {
      const files = await received(stage, stage.join('bob', protocol), protocol);
      expect(files.map(({ begin, isWhole }) => [begin.fileName, isWhole])).toEqual([
        ['0.txt', true],
        ['1.txt', true],
        ['2.txt', true],
        ['3.txt', true],
      ]);
      expect(files.map(({ content }) => sha256Of(content))).toEqual(
        [200, 0, 100, 50].map((size, n) => sha256Of(contentOf(size, n))),
      );
    }
  });

  test('is given at once to a target that is there, and told so', async () => {
    const stage = await TransferStage.start();
    const bob = stage.join('bob');
    expect(await stage.join('alice').give(contentOf(10))).toMatchObject({ delivered: true });
    expect(await received(stage, bob)).toMatchObject([{ isWhole: true }]);
    expect(await stage.join('alice').give(contentOf(10))).toMatchObject({ delivered: true });
    // One that was given and not confirmed is not given again on the same connection.
    expect(await received(stage, bob)).toMatchObject([{ isWhole: true }]);
  });

  test('that its target has already is not sent to the end', async () => {
    const stage = await withFiles(500, 100);
    const bob = stage.join('bob');
    bob.isStuck = true;
    await stage.run();
    expect(filesGiven(bob.told)).toHaveLength(1);
    has(bob, filesGiven(bob.told)[0]!);
    bob.isStuck = false;
    bob.read();
    expect(await received(stage, bob)).toMatchObject([{ isWhole: false }, { isWhole: true }]);
  });

  test('may be for its own sender', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice');
    const content = contentOf(10);
    const sent = await alice.give(content, { targetUserId: 'alice' });
    expect(sent).toMatchObject({ type: 'file_sent', delivered: true });
    expect(await received(stage, alice)).toMatchObject([{ content: Buffer.from(content) }]);
  });
});

describe('a slow target', () => {
  test('that never reads holds one frame', async () => {
    const stage = await withFiles(1000);
    const bob = stage.join('bob');
    bob.isStuck = true;
    await stage.run(60_000);
    for (let n = 0; n < 5; n++) {
      const pieces = bob.takeAll().filter((one) => one instanceof Uint8Array);
      expect(pieces.length).toBe(n === 0 ? 0 : 1);
      expect(stage.disk.readsInHand).toBe(0);
      // Reads, but not to the end.
      bob.read(1);
      await stage.run();
      expect(bob.told).toEqual([]);
      bob.read();
      await stage.run();
    }
  });

  test('is given the rest as it reads, from where the disk is', async () => {
    const stage = await withFiles(1000);
    const bob = stage.join('bob');
    bob.isStuck = true;
    for (let n = 0; n < 30; n++) {
      await stage.run();
      bob.read();
      bob.read();
    }
    const [file] = filesGiven(bob.takeAll());
    expect([file!.isWhole, sha256Of(file!.content)]).toEqual([true, sha256Of(contentOf(1000, 0))]);
  });

  test('that goes in the middle is given all of it on its next connection', async () => {
    const stage = await withFiles(1000);
    const bob = stage.join('bob');
    bob.isStuck = true;
    await stage.run();
    bob.read();
    await stage.run();
    stage.disk.isHeld = true;
    bob.read();
    await stage.run();
    bob.leave();
    stage.disk.go();
    await stage.run();
    expect(filesGiven(bob.takeAll())).toMatchObject([{ isWhole: false }]);
    const [file] = await received(stage, stage.join('bob'));
    expect(sha256Of(file!.content)).toBe(sha256Of(contentOf(1000, 0)));
  });

  test('does not hold up others', async () => {
    const stage = await withFiles(1000);
    stage.join('bob').isStuck = true;
    await stage.join('alice').give(contentOf(300), { targetUserId: 'carol' });
    expect(await received(stage, stage.join('carol'))).toMatchObject([{ isWhole: true }]);
  });
});

describe('a disk that cannot be read', () => {
  test('for a moment does no harm', async () => {
    const stage = await withFiles(200);
    stage.disk.failing = 1;
    const bob = stage.join('bob');
    await stage.run(1_500);
    stage.disk.failing = 0;
    await stage.run(1_500);
    expect(filesGiven(bob.takeAll())).toMatchObject([
      { content: Buffer.from(contentOf(200, 0)), isWhole: true },
    ]);
  });

  test('for longer leaves the file for the next connection, and others go on', async () => {
    const stage = await withFiles(200);
    stage.disk.failing = 1;
    const bob = stage.join('bob');
    await stage.run(5_000);
    stage.disk.failing = 0;
    const [begin, failure] = bob.takeAll();
    const { code, message } = fileRefusals.unreadable;
    const { transferId } = begin;
    expect(failure).toEqual({ type: 'file_failed', transferId, code, message });
    await stage.join('alice').give(contentOf(100));
    expect(await received(stage, bob)).toMatchObject([{ isWhole: true }]);
    const again = await received(stage, stage.join('bob'));
    expect(again.map(({ content }) => content.length)).toEqual([200, 100]);
  });
});

test('a stop ends what is being given; it begins anew in the next run', async () => {
  const stage = await withFiles(1000);
  const bob = stage.join('bob');
  bob.isStuck = true;
  await stage.run();
  void stage.transfers.drain(1000);
  bob.read();
  await stage.run();
  expect(bob.takeAll().filter((one) => one instanceof Uint8Array)).toEqual([]);
  await stage.restart();
  expect(await received(stage, stage.join('bob'))).toMatchObject([{ isWhole: true }]);
});
