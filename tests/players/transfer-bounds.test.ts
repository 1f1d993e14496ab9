import { expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import type { TransferLimits } from '../../src/players/transfer-ports.ts';
import { contentOf, frameOf, type Player, smallLimits, TransferStage } from './transfer-stage.ts';

const idOf = (n: number) => `f${n.toString(16).padStart(31, '0')}`;
const messageOf = (told: any) => told.message ?? told.type;

/** What a begin of each of these sizes is told. */
async function told(limits: Partial<TransferLimits>, ...sizes: number[]): Promise<string[]> {
  const stage = await TransferStage.start(limits);
  const alice = stage.join('alice');
  for (const [n, size] of sizes.entries()) alice.begin(size, { transferId: idOf(n) });
  await stage.run();
  const byId = alice.takeAll().sort((a, b) => (a.transferId < b.transferId ? -1 : 1));
  return byId.map(messageOf);
}

const ready = 'file_receive_ready';

test('a file may be as large as it may be, and no larger', async () => {
  expect(await told({}, 10_000, 10_001, Number.MAX_SAFE_INTEGER)).toEqual([
    ready,
    fileRefusals.tooLarge.message,
    fileRefusals.tooLarge.message,
  ]);
});

test('a user has so many transfers at a time, also of a thousand that begin at once', async () => {
  const all = await told({}, ...Array(1000).fill(1));
  expect(all.filter((one) => one === ready)).toHaveLength(4);
  expect(all.filter((one) => one === fileRefusals.tooManyTransfers.message)).toHaveLength(996);
});

test('a transfer that is over makes room for another', async () => {
  const stage = await TransferStage.start({ perUserMax: 1 });
  const alice = stage.join('alice');
  for (let n = 0; n < 3; n++) {
    expect(await alice.give(contentOf(10))).toMatchObject({ type: 'file_sent' });
    alice.begin(10, { transferId: idOf(n) });
    await stage.run();
    alice.send(idOf(n), contentOf(11));
    expect(alice.takeAll().map(messageOf)).toEqual([ready, fileRefusals.tooManyBytes.message]);
  }
});

test('what a user may take of the disk counts what is to come, and others do not', async () => {
  const { userQuota } = fileRefusals;
  expect(await told({ userBytesMax: 1000 }, 600, 401, 400, 1)).toEqual([
    ready,
    userQuota.message,
    ready,
    userQuota.message,
  ]);
  const stage = await TransferStage.start({ userBytesMax: 1000 });
  const alice = stage.join('alice');
  expect(await alice.give(contentOf(900))).toMatchObject({ type: 'file_sent' });
  expect(messageOf(await alice.give(contentOf(101)))).toBe(userQuota.message);
  expect(await stage.join('eve').give(contentOf(1000))).toMatchObject({ type: 'file_sent' });
  await stage.restart();
  expect(messageOf(await stage.join('alice').give(contentOf(101)))).toBe(userQuota.message);
  stage.join('bob').say({
    type: 'file_received',
    transferId: String((await stage.stored())[0]!.id),
  });
  await stage.run();
  expect(await stage.join('alice').give(contentOf(101))).toMatchObject({ type: 'file_sent' });
});

test('so does what all may take', async () => {
  const stage = await TransferStage.start({ totalBytesMax: 1000 });
  for (const [name, size, outcome] of [
    ['alice', 600, 'file_sent'],
    ['eve', 401, fileRefusals.totalQuota.message],
    ['carol', 400, 'file_sent'],
    ['dave', 1, fileRefusals.totalQuota.message],
  ] as const)
    expect(messageOf(await stage.join(name).give(contentOf(size)))).toBe(outcome);
});

test('small files are bounded by their number, of one user and of all', async () => {
  const stage = await TransferStage.start({ userFilesMax: 3, filesMax: 5 });
  const outcomes: Record<string, string[]> = {};
  for (const name of ['alice', 'eve', 'alice', 'alice', 'alice', 'eve', 'eve'])
    (outcomes[name] ??= []).push(messageOf(await stage.join(name).give(contentOf(0))));
  const { tooManyFiles, tooManyFilesOfUser } = fileRefusals;
  expect(outcomes).toEqual({
    alice: ['file_sent', 'file_sent', 'file_sent', tooManyFilesOfUser.message],
    eve: ['file_sent', 'file_sent', tooManyFiles.message],
  });
});

async function begun(stage: TransferStage, alice: Player, size: number, n = 1): Promise<void> {
  alice.begin(size, { transferId: idOf(n) });
  await stage.run();
  expect(alice.take()).toMatchObject({ type: ready });
}

test('a sender may be so far beyond the last progress, and not a byte further', async () => {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  await begun(stage, alice, 5000);
  stage.disk.isHeld = true;
  alice.send(idOf(1), contentOf(1024));
  await stage.run();
  expect(alice.takeAll()).toEqual([]);
  stage.disk.go();
  await stage.run();
  expect(alice.takeAll().at(-1)).toMatchObject({ type: 'file_progress', received: 1024 });
  stage.disk.isHeld = true;
  alice.send(idOf(1), contentOf(1024));
  alice.raw(frameOf(idOf(1), contentOf(1)));
  expect(alice.takeAll().map(messageOf)).toEqual([fileRefusals.tooFast.message]);
  stage.disk.go();
  await stage.run();
  expect(stage.disk.files.size).toBe(0);
});

test('what waits for the disk is bounded in all, and room again when it is written', async () => {
  const stage = await TransferStage.start({ memoryBytesMax: 1500 });
  const [alice, eve] = [stage.join('alice'), stage.join('eve')];
  await begun(stage, alice, 5000);
  for (let n = 2; n < 6; n++) {
    await begun(stage, eve, 1000, n);
    stage.disk.isHeld = true;
    alice.send(idOf(1), contentOf(1000));
    eve.send(idOf(n), contentOf(500));
    expect(eve.takeAll()).toEqual([]);
    eve.send(idOf(n), contentOf(1));
    expect(eve.takeAll().map(messageOf)).toEqual([fileRefusals.busy.message]);
    stage.disk.go();
    await stage.run();
    expect(alice.takeAll().at(-1)).toMatchObject({ type: 'file_progress' });
  }
});

test('tiny frames cost their bytes, not an object each', async () => {
  const stage = await TransferStage.start({
    ...smallLimits,
    fileBytesMax: 1 << 20,
    userBytesMax: 1 << 20,
    totalBytesMax: 1 << 20,
    memoryBytesMax: 1 << 20,
    sizes: { ...smallLimits.sizes, creditBytes: 1 << 20, frameBytesMax: 1 << 18 },
  });
  const alice = stage.join('alice');
  const content = contentOf(300_000);
  await begun(stage, alice, content.length);
  stage.disk.isHeld = true;
  const before = heap();
  for (let at = 0; at < content.length; at++)
    alice.raw(frameOf(idOf(1), content.subarray(at, at + 1)));
  expect(heap() - before).toBeLessThan(4_000_000);
  alice.complete(idOf(1));
  stage.disk.go();
  await stage.run();
  const sha256 = new Bun.CryptoHasher('sha256').update(content).digest('hex');
  expect(alice.takeAll().at(-1)).toMatchObject({ type: 'file_sent', sha256 });
});

function heap(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

test('a file is kept for as long as it is kept, then it goes with its record', async () => {
  const stage = await TransferStage.start();
  await stage.join('alice').give(contentOf(10));
  await stage.clock.run(599_000);
  expect([stage.disk.files.size, (await stage.stored()).length]).toEqual([1, 1]);
  await stage.clock.run(20_000);
  expect([stage.disk.files.size, (await stage.stored()).length]).toEqual([0, 0]);
  const bob = stage.join('bob');
  await stage.run();
  expect(bob.takeAll()).toEqual([]);
});

test('a file that expired while the program was down goes at the start', async () => {
  const stage = await TransferStage.start();
  await stage.join('alice').give(contentOf(10));
  stage.transfers.end();
  await stage.clock.run(601_000);
  await stage.restart();
  await stage.run();
  expect([stage.disk.files.size, (await stage.stored()).length]).toEqual([0, 0]);
});

test('what a broken transfer counts with is what came of it, until it goes on', async () => {
  const stage = await TransferStage.start({ totalBytesMax: 1000, userBytesMax: 900 });
  const sender = async (name: string, size: number, n: number) => {
    const player = stage.join(name);
    player.begin(size, { transferId: idOf(n) });
    await stage.run();
    return { player, told: messageOf(player.take()) };
  };
  const { player: alice } = await sender('alice', 900, 1);
  alice.send(idOf(1), contentOf(10));
  alice.leave();
  await stage.run();
  const { player: eve, told } = await sender('eve', 900, 2);
  expect(told).toBe(ready);
  expect((await sender('alice', 900, 1)).told).toBe(fileRefusals.totalQuota.message);
  expect(await stage.stored()).toMatchObject([{ safeBytes: 10 }]);
  eve.leave();
  await stage.run();
  stage.transfers.end();
  await stage.restart();
  const { player: again, told: resumed } = await sender('alice', 900, 1);
  expect(resumed).toBe(ready);
  again.begin(1, { transferId: idOf(3) });
  expect(messageOf(again.take())).toBe(fileRefusals.userQuota.message);
  expect((await sender('dave', 101, 4)).told).toBe(fileRefusals.totalQuota.message);
  again.leave();
  await stage.run();
  expect((await sender('dave', 101, 4)).told).toBe(ready);
});

test('what a crash left of a broken transfer counts as it is on disk', async () => {
  const stage = await TransferStage.start({ totalBytesMax: 4000 });
  const alice = stage.join('alice');
  await begun(stage, alice, 3900);
  for (let at = 0; at < 3600; at += 600) {
    alice.send(idOf(1), contentOf(600));
    await stage.run();
  }
  await stage.restart();
  await stage.run();
  const used = stage.disk.used;
  expect(used).toBeGreaterThan(2500);
  const [{ safeBytes }] = (await stage.stored()) as any;
  expect(safeBytes).toBeLessThan(used);
  const eve = stage.join('eve');
  eve.begin(4000 - used + 1, { transferId: idOf(2) });
  eve.begin(4000 - used, { transferId: idOf(3) });
  await stage.run();
  expect(eve.takeAll().map(messageOf)).toEqual([fileRefusals.totalQuota.message, ready]);
});

test('every no counts as what is sent in this turn', async () => {
  const stage = await TransferStage.start();
  const alice = stage.join('alice');
  for (let n = 0; n < 10; n++) alice.raw(new Uint8Array(3), frameOf(idOf(100 + n), contentOf(1)));
  const chars = alice.takeAll().map((one) => JSON.stringify(one).length);
  expect(chars).toHaveLength(20);
  expect(alice.seat.burst).toBe(chars.reduce((sum, one) => sum + one));
});

test('a file that cannot be removed counts, and is tried again', async () => {
  const stage = await TransferStage.start({ userBytesMax: 100 });
  const alice = stage.join('alice');
  for (const trouble of ['disk', 'store']) {
    expect(await alice.give(contentOf(100))).toMatchObject({ type: 'file_sent' });
    const bob = stage.join('bob');
    await stage.run();
    const { transferId } = bob.take();
    stage.disk.failing = trouble === 'disk' ? 1 : 0;
    stage.isStoreFull = trouble === 'store';
    bob.say({ type: 'file_received', transferId });
    await stage.run();
    stage.disk.failing = 0;
    stage.isStoreFull = false;
    expect(messageOf(await alice.give(contentOf(1)))).toBe(fileRefusals.userQuota.message);
    // Nor is it given to anybody again.
    const again = stage.join('bob');
    await stage.run(20_000);
    expect(again.takeAll()).toEqual([]);
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  }
});
