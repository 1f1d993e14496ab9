import { afterEach, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SeededRandom } from '../sim/random.ts';
import { FileContent } from '../support/file-content.ts';
import { FilePeer } from '../support/file-peer.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const mib = 1024 ** 2;
const frameBytesMax = 256 * 1024;
const settings = {
  'players.files': { max_file_mb: 2048, user_quota_mb: 4096, total_quota_mb: 4096 },
};

const game = new Game();
afterEach(() => game.stop());

/** Resident memory in bytes. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${game.server.process.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}

test(`a file whose sender was cut off fifty times, and its target five times, arrives as it was (SEED=${seed})`, async () => {
  const random = new SeededRandom(seed);
  const content = new FileContent(24 * mib + random.whole(0, 1000), seed);
  const sha256 = content.sha256();
  const transferId = randomBytes(16).toString('hex');
  await game.start(settings);
  const [alice, bob] = [await game.session('alice'), await game.session('bob')];

  let sender = await FilePeer.enter(game, alice.token);
  let target: FilePeer | undefined;
  let cuts = 0;
  let sent = 0;
  const offsets = new Set<number>();
  for (; cuts < 50; cuts++) {
    const told = sender.told;
    if (cuts > 0) sender = await FilePeer.enter(game, alice.token);
    let at = await sender.begin('bob', transferId, content.bytes);
    offsets.add(at);
    expect(at).toBeGreaterThanOrEqual(told);
    expect(at).toBeLessThanOrEqual(sent);
    // Fifty of them are less than the file.
    const end = at + random.whole(0, Math.floor(content.bytes / 60));
    while (at < end) {
      const to = Math.min(end, at + random.whole(1, frameBytesMax));
      await sender.bytes(transferId, content, at, to);
      at = to;
    }
    const to = Math.min(content.bytes, at + random.whole(1, frameBytesMax));
    sender.part(transferId, content, at, to, random.whole(0, 29 + to - at));
    sent = Math.max(sent, at);
    if (random.chance(0.2)) sender.cut();
    else sender.end();
    if (random.chance(0.2)) {
      target?.cut();
      target = await FilePeer.enter(game, bob.token);
    }
    await until('the end', () => sender.isGone);
  }
  expect(offsets.size).toBeGreaterThan(10);
  sender = await FilePeer.enter(game, alice.token);
  const rest = await sender.begin('bob', transferId, content.bytes);
  await sender.bytes(transferId, content, rest, content.bytes);
  sender.say({ type: 'file_send_complete', transferId });

  for (let cut = 0; cut < 5; cut++) {
    target?.cut();
    target = await FilePeer.enter(game, bob.token);
    const enough = random.whole(1, content.bytes - 1);
    await until('some of it', () => target!.given.bytes >= enough, 30_000);
  }
  target!.cut();
  expect(await sender.next('file_sent', 'file_failed')).toMatchObject({ transferId, sha256 });
  target = await FilePeer.enter(game, bob.token);
  const { transferId: id } = await target.next('file_send_complete');
  expect(target.given).toEqual({ bytes: content.bytes, sha256 });
  target.say({ type: 'file_received', transferId: id });
}, 60_000);

const bytes = (process.env.QUICK ? 128 : 1024) * mib;

test(`${bytes / mib} MB go to a target that is slow at first in less than 64 MB of memory`, async () => {
  const content = new FileContent(bytes, seed);
  await game.start(settings);
  const [alice, bob] = [await game.session('alice'), await game.session('bob')];
  const sender = await FilePeer.enter(game, alice.token);
  const target = await FilePeer.enter(game, bob.token);

  const send = async (file: FileContent) => {
    const transferId = randomBytes(16).toString('hex');
    expect(await sender.begin('bob', transferId, file.bytes)).toBe(0);
    await sender.bytes(transferId, file, 0, file.bytes);
    sender.say({ type: 'file_send_complete', transferId });
    return sender.next('file_sent', 'file_failed');
  };
  const take = async () => {
    const { transferId } = await target.next('file_send_complete');
    target.say({ type: 'file_received', transferId });
  };

  await send(new FileContent(mib, seed));
  await take();

  const idleBytes = residentBytes();
  let mostBytes = idleBytes;
  const watch = setInterval(() => (mostBytes = Math.max(mostBytes, residentBytes())), 10);
  target.readAtMost(64 * 1024);
  const sha256 = content.sha256();
  expect(await send(content)).toMatchObject({ delivered: true, sha256 });
  await target.next('file_send_begin');
  await until('a little of it', () => target.given.bytes >= 256 * 1024, 30_000);
  target.readAtMost(Infinity);
  await take();
  clearInterval(watch);
  expect(target.given).toEqual({ bytes, sha256 });
  expect(mostBytes - idleBytes).toBeLessThan(64 * mib);
}, 90_000);
