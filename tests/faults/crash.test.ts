import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { SeededRandom } from '../sim/random.ts';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { modMessage, RelayClient } from '../support/relay-client.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const rounds = process.env.QUICK ? 5 : 50;
const channels = ['a', 'b', 'c'];

/**
 * Mods write as fast as they can while there is no bot, the process is killed at a random moment,
 * and the next one has, in order, every message that was answered `queued` and still is in the ring.
 */
test(`kill -9 loses nothing that was acknowledged (${rounds} rounds, SEED=${seed})`, async () => {
  const random = new SeededRandom(seed);
  const folder = temporaryFolder();
  let acknowledged = 0;
  let server = await Moonstead.start({ folder });
  for (let round = 0; round < rounds; round++) {
    const queueMax = random.pick([8, 20, 5000]);
    await server.stop();
    const toml = `[gateway]\nqueue_max = ${queueMax}\n`;
    server = await Moonstead.start({ folder, toml });

    const mods = await Promise.all(
      channels.map((channel) => RelayClient.mod(server.sync(), 'srv', `${round}${channel}`)),
    );
    let serial = 0;
    const timer = setInterval(() => {
      serial += 1;
      for (const [i, mod] of mods.entries()) {
        const destination = { channel_id: `${round}${channels[i]}` };
        for (let n = 0; n < 5; n++)
          mod.say(modMessage(`${serial}.${n}`, `${serial}.${n}`, { destination }));
      }
    }, 1);
    const enough = random.whole(1, 400);
    await until('some answers', () => mods.every((mod) => mod.answers.length >= enough));
    server.signal('SIGKILL');
    clearInterval(timer);
    await Promise.all(mods.map((mod) => mod.ended()));
    await server.stop();

    server = await Moonstead.start({ folder, toml });
    const bot = await RelayClient.bot(server.sync());
    for (const [i, mod] of mods.entries()) {
      const channel = `${round}${channels[i]}`;
      const promised = mod.answers.map((answer) => answer.replace(/ queued$/, ''));
      const arrived = () =>
        bot.frames.filter(({ channel_id: id }) => id === channel).map(({ content }) => content);
      // The ring may hold younger ones whose answers the kill cut off.
      const last = promised.at(-1)!;
      await until('the flush', () => arrived().some((id) => order(id) >= order(last)));
      const isWhole = () => arrived().length >= Math.min(queueMax, promised.length);
      await until('the whole flush', isWhole);
      const got = arrived();
      expect(got).toEqual(got.toSorted((x, y) => order(x) - order(y)));
      const oldest = got.length === queueMax ? order(got[0]!) : 0;
      const due = promised.filter((id) => order(id) >= oldest);
      expect(due.filter((id) => !got.includes(id))).toEqual([]);
      expect(new Set(got).size).toBe(got.length);
      acknowledged += promised.length;
    }
  }
  expect(acknowledged).toBeGreaterThan(rounds * channels.length);
  await server.stop();
  rmSync(folder, { recursive: true });
}, 240_000);

/** The place of `serial.n` in what was sent. */
function order(id: string): number {
  const [serial, n] = id.split('.').map(Number);
  return serial! * 5 + n!;
}
