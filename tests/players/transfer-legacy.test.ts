import { describe, expect, test } from 'bun:test';
import { fileRefusals } from '../../src/players/file-frames.ts';
import { sha256Of } from '../sim/transfers-disk.ts';
import { contentOf, filesGiven, type Player, TransferStage } from './transfer-stage.ts';

const failed = (refusal: keyof typeof fileRefusals) =>
  `FILE_FAILED: ${fileRefusals[refusal].message}`;

async function begun(bytes: number, more: Record<string, unknown> = {}) {
  const stage = await TransferStage.start();
  const alice = stage.join('alice', 1);
  await ready(stage, alice, bytes, more);
  return { stage, alice };
}

async function ready(
  stage: TransferStage,
  alice: Player,
  bytes: number,
  more: Record<string, unknown> = {},
) {
  alice.begin(bytes, more);
  await stage.run();
  expect(alice.takeAll()).toEqual(['file_receive_ready']);
}

describe('a file of protocol 1', () => {
  test.each([
    ['one message', [2000]],
    ['several messages', [1, 999, 1000]],
    ['no message, being empty', []],
  ])('is sent as %s, and answered in the plugin’s own words', async (_, pieces) => {
    const content = contentOf(pieces.reduce((sum, bytes) => sum + bytes, 0));
    const { stage, alice } = await begun(content.length);
    let at = 0;
    for (const bytes of pieces) alice.raw(content.subarray(at, (at += bytes)));
    alice.complete();
    await stage.run();
    expect(alice.takeAll()).toEqual(['FILE_SENT_SERVER_ONLY']);
    const bob = stage.join('bob');
    await stage.run();
    expect(filesGiven(bob.takeAll())[0]!.content).toEqual(Buffer.from(content));
    stage.join('bob');
    expect(await alice.give(contentOf(5))).toBe('FILE_SENT');
  });

  test('has to be as it was said', async () => {
    for (const [bytes, more, refusal] of [
      [101, {}, 'tooManyBytes'],
      [99, {}, 'tooFewBytes'],
      [100, { sha256: '0'.repeat(64) }, 'wrongHash'],
    ] as const) {
      const { stage, alice } = await begun(100, more);
      alice.raw(contentOf(bytes));
      alice.complete();
      await stage.run();
      expect(alice.takeAll()).toEqual([failed(refusal)]);
      expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
      const sha256 = sha256Of(contentOf(100));
      expect(await alice.give(contentOf(100), { sha256 })).toBe('FILE_SENT_SERVER_ONLY');
    }
  });

  test('is smaller than those of protocol 2, and may be turned off', async () => {
    const stage = await TransferStage.start();
    expect(await stage.join('alice', 1).give(contentOf(2001))).toBe(failed('tooLargeForLegacy'));
    expect(await stage.join('alice', 2).give(contentOf(2001))).toMatchObject({ type: 'file_sent' });
    const off = await TransferStage.start({ legacyBytesMax: 0 });
    expect(await off.join('alice', 1).give(contentOf(1))).toBe(failed('tooLargeForLegacy'));
  });

  test('comes one at a time, also while the last one is being stored', async () => {
    const { stage, alice } = await begun(100);
    alice.begin(50);
    expect(alice.takeAll()).toEqual([failed('oneAtATime')]);
    alice.raw(contentOf(100));
    stage.disk.isHeld = true;
    alice.complete();
    alice.begin(50);
    expect(alice.takeAll()).toEqual([failed('oneAtATime')]);
    stage.disk.go();
    await stage.run();
    expect(alice.takeAll()).toEqual(['FILE_SENT_SERVER_ONLY']);
    expect(await alice.give(contentOf(50))).toBe('FILE_SENT_SERVER_ONLY');
  });

  test('that was not begun, or was refused, is refused once', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice', 1);
    for (let n = 0; n < 3; n++) {
      alice.raw(contentOf(10));
      alice.complete();
    }
    expect(alice.takeAll()).toEqual([failed('noTransfer')]);
    alice.begin(5000);
    alice.raw(contentOf(5000));
    alice.complete();
    expect(alice.takeAll()).toEqual([failed('tooLargeForLegacy')]);
    expect(await alice.give(contentOf(10))).toBe('FILE_SENT_SERVER_ONLY');
  });

  test('before ready is refused', async () => {
    const stage = await TransferStage.start();
    const alice = stage.join('alice', 1);
    alice.begin(10);
    alice.raw(contentOf(10));
    alice.complete();
    await stage.run();
    expect(alice.takeAll()).toEqual([failed('notReady')]);
    expect(stage.disk.files.size).toBe(0);
  });

  test('is not resumed: what a broken connection leaves goes', async () => {
    const { stage, alice } = await begun(100, { transferId: 'a'.repeat(32) });
    alice.raw(contentOf(50));
    alice.leave();
    await stage.run();
    expect([stage.disk.files.size, await stage.stored()]).toEqual([0, []]);
  });

  test('that is whole is stored, though its sender is gone', async () => {
    const { stage, alice } = await begun(100);
    alice.raw(contentOf(100));
    alice.complete();
    alice.leave();
    await stage.run();
    expect(await stage.stored()).toMatchObject([{ state: 'waiting' }]);
    expect(alice.takeAll()).toEqual([]);
  });

  test('has no ids: one of a connection of protocol 2 is not touched by it', async () => {
    const stage = await TransferStage.start();
    const id = 'a'.repeat(32);
    const modern = stage.join('alice', 2);
    modern.begin(100, { transferId: id });
    await stage.run();
    modern.send(id, contentOf(50));
    modern.leave();
    await stage.run();
    const alice = stage.join('alice', 1);
    await ready(stage, alice, 100, { transferId: id });
    alice.raw(contentOf(100, 2));
    alice.complete(id);
    await stage.run();
    expect(alice.takeAll()).toEqual(['FILE_SENT_SERVER_ONLY']);
    const again = stage.join('alice', 2);
    again.begin(100, { transferId: id });
    await stage.run();
    expect(again.takeAll()).toMatchObject([{ offset: 50 }]);
  });

  test('its bytes count as memory until they are written', async () => {
    const stage = await TransferStage.start({ memoryBytesMax: 2000 });
    const [alice, eve] = [stage.join('alice', 1), stage.join('eve', 1)];
    await ready(stage, alice, 1500);
    await ready(stage, eve, 1500);
    stage.disk.isHeld = true;
    alice.raw(contentOf(1500));
    eve.raw(contentOf(1500));
    expect(eve.takeAll()).toEqual([failed('busy')]);
    alice.leave();
    stage.disk.go();
    await stage.run();
    expect(await eve.give(contentOf(1500))).toBe('FILE_SENT_SERVER_ONLY');
  });
});
