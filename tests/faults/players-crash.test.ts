import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { SeededRandom } from '../sim/random.ts';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game, given } from '../support/players.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const rounds = process.env.QUICK ? 3 : 20;
const names = ['a', 'b', 'c'];

/**
 * Players write as fast as they can to users who are away, the process is killed at a random
 * moment, and these users get, in order, every message that was answered `queued` and still is in
 * their ring; again as long as nobody confirms it; and sessions are good for all of it.
 */
test(`kill -9 loses nothing that players were told is queued (${rounds} rounds, SEED=${seed})`, async () => {
  const random = new SeededRandom(seed);
  const folder = temporaryFolder();
  const game = new Game();
  await game.start({}, folder);
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const queueMax = random.pick([8, 64, 5000]);
    const settings = {
      players: {
        queue_max: queueMax,
        sender_ring_bytes_max: '16MB',
        // A slow disk leaves hundreds without an answer, and what is refused then has no ack.
        unacknowledged_max: 100_000,
      },
    };
    await game.stop();
    await game.start(settings, folder);
    const tokens = new Map<string, string>();
    for (const name of names) tokens.set(name, (await game.session(`r${round}-to-${name}`)).token);
    const senders = await Promise.all(names.map((name) => game.player(`r${round}-from-${name}`)));
    let serial = 0;
    const timer = setInterval(() => {
      for (const [i, sender] of senders.entries())
        for (let n = 0; n < 5; n++)
          sender.say({
            type: 'message',
            targetUserId: `r${round}-to-${names[i]}`,
            data: serial + n,
            msg_id: String(serial + n),
          });
      serial += 5;
    }, 1);
    const acksOf = ({ frames }: (typeof senders)[0]) =>
      frames.filter(({ type }) => type === 'message_ack');
    const enough = random.whole(1, 300);
    await until('some answers', () => senders.every((one) => acksOf(one).length >= enough));
    game.server.signal('SIGKILL');
    clearInterval(timer);
    await Promise.all(senders.map((sender) => sender.ended()));
    await game.stop('SIGKILL');

    await game.start(settings, folder);
    for (const [i, sender] of senders.entries()) {
      const acks = acksOf(sender);
      const promised = acks.map(({ msg_id: id }) => Number(id));
      expect(acks.filter(({ status }) => status !== 'queued')).toEqual([]);
      expect(promised).toEqual(promised.map((_, at) => at));
      acknowledged += promised.length;
      const arrival = { token: tokens.get(names[i]!)! };
      const userId = `r${round}-to-${names[i]}`;
      const idsOf = (client: Parameters<typeof given>[0]) => given(client).map(Number);
      // All from the first on; or else the ring is full, and has younger ones whose answer was cut off.
      const isWhole = (ids: number[]) =>
        ids[0] === 0 ? ids.at(-1)! >= promised.at(-1)! : ids.length >= queueMax;
      // The first one vanishes without a receipt, so the second one gets the same.
      const first = await game.rawPlayer(userId, { ...arrival, pongs: false });
      await until('the flush', () => isWhole(idsOf(first)));
      first.destroy();
      const second = await game.player(userId, arrival);
      await until('the same flush', () => isWhole(idsOf(second)));
      for (const got of [idsOf(first), idsOf(second)]) {
        expect(got).toEqual(got.map((_, at) => idsOf(first)[0]! + at));
        expect(got.at(-1)).toBeGreaterThanOrEqual(promised.at(-1)!);
        expect(got.length).toBeLessThanOrEqual(queueMax);
      }
      second.say({ type: 'ping' });
      await second.next(({ type }) => type === 'pong');
    }
    await game.leave();
  }
  expect(acknowledged).toBeGreaterThan(rounds * names.length);
  await game.stop();
  rmSync(folder, { recursive: true });
}, 240_000);
