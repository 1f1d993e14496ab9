import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { ackOf, Game, given, tell, words } from '../support/players.ts';
import { frame, type RawClient } from '../support/raw.ts';

setDefaultTimeout(30_000);

const game = new Game();
afterEach(() => game.stop());

const mib = 1024 ** 2;
/** What the kernel takes for a socket that nobody reads from, and then some. */
const kernelBytes = 16 * mib;
const start = (players: object = {}) =>
  game.start({
    players: { slow_bytes: '64KB', too_slow_bytes: '1MB', slow_timeout: '20s', ...players },
  });
const chunk = `${words} ${'x'.repeat(60_000)}`;

/** Says the same all the time until that is over, and fails if the server needs much memory for it. */
async function costsLittle(slow: RawClient, said: string, isOver: () => boolean): Promise<void> {
  const before = await mostMemory();
  // More than the server reads in one turn.
  const burst = Buffer.concat(Array(20_000).fill(frame(said)));
  await until('its end', () => {
    if (slow.socket.writableLength === 0) slow.write(burst);
    return isOver();
  });
  // The garbage of half a million frames is some of it; without bounds it would be many times more.
  expect((await mostMemory()) - before).toBeLessThan(160 * mib);
}

/** Most memory that the server ever had, in bytes. */
async function mostMemory(): Promise<number> {
  const status = await Bun.file(`/proc/${game.server.process.pid}/status`).text();
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

test('a player that does not read while others talk to it is closed; the next gets all in order', async () => {
  await start({ slow_timeout: '300ms', queue_max: 1000, sender_ring_bytes_max: '32MB' });
  const slow = await game.rawPlayer('slow');
  slow.stopReading();
  const [ada, bob] = [await game.player('ada'), await game.player('bob', { protocol: 1 })];
  const ids: string[] = [];
  const statuses = new Set<string>();
  while (game.closings.length === 0) {
    const id = `m${ids.length}`;
    ids.push(id);
    statuses.add(await tell(ada, 'slow', id, chunk));
    // Beside it everybody is served as ever, and lists go out.
    expect(await tell(ada, 'bob', `${id} for bob`)).toBe('completed');
    if (ids.length % 50 === 0) await (await game.player('visitor')).close();
    if (ids.length * chunk.length > 8 * kernelBytes) throw new Error('it was let off');
  }
  expect(game.closings).toEqual(['4508 too slow (players.slow_timeout)']);
  expect([...statuses]).toEqual(['completed', 'queued']);
  await bob.next(({ msg_id: id }) => id === `${ids.at(-1)} for bob`);
  expect(given(bob)).toEqual(ids.map((id) => `${id} for bob`));
  const next = await game.player('slow');
  await next.next(({ msg_id: id }) => id === ids.at(-1));
  expect(given(next)).toEqual(ids);
});

test('a player that does not read what a channel says is closed soon, the others get all of it', async () => {
  await start();
  const slow = await game.rawPlayer('slow');
  slow.say({ type: 'join', channel: 'c' }, { type: 'ping' });
  await slow.next(({ type }) => type === 'pong');
  slow.stopReading();
  const [ada, bob] = [await game.player('ada'), await game.player('bob')];
  bob.say({ type: 'join', channel: 'c' }, { type: 'ping' });
  await bob.next(({ type }) => type === 'pong');
  let sent = 0;
  for (; game.closings.length === 0; sent += 20) {
    for (let i = 0; i < 20; i++)
      ada.say({ type: 'message', channel: 'c', data: chunk, msg_id: `m${sent + i}` });
    expect(await ackOf(ada, `m${sent + 19}`)).toMatchObject({ status: 'completed' });
    await bob.next(({ msg_id: id }) => id === `m${sent + 19}`);
    if (sent * chunk.length > 4 * kernelBytes) throw new Error('it was let off');
  }
  expect(game.closings).toEqual(['4508 too slow (players.too_slow_bytes)']);
  expect(given(bob)).toHaveLength(sent);
});

test('a player that asks for lists and does not read them costs little memory, and is closed', async () => {
  // A list of some 50 KB.
  await start({ unauthenticated_max: 1000 });
  const names = Array.from({ length: 200 }, (_, i) => `p${i}`);
  await Promise.all(names.map((name) => game.player(name, { userName: 'x'.repeat(120) })));
  const slow = await game.rawPlayer('slow');
  slow.stopReading();
  await costsLittle(slow, '{"type":"list_online"}', () => game.closings.length > 0);
  expect(game.closings).toEqual(['4508 too slow (players.too_slow_bytes)']);
});

test('who is not authenticated and does not read its errors costs little memory, and is closed', async () => {
  await start();
  const slow = await game.raw('/player');
  slow.stopReading();
  await costsLittle(slow, '{', () => game.closings.length > 0);
  expect(game.closings).toEqual(['4508 too slow (players.too_slow_bytes)']);
});

test.each([1, 2] as const)(
  'nobody can have a player of protocol %d who does not read closed, by asking it for links',
  async (protocol) => {
    await start({ slow_timeout: '10m' });
    const slow = await game.rawPlayer('slow', { protocol });
    slow.stopReading();
    const ada = await game.player('ada');
    const asks = async () => {
      for (let n = 0; n < 5_000; n++)
        ada.say({ type: 'connect', targetUserId: 'slow' }, { type: 'disconnect' });
      ada.say({ type: 'ping' });
      await ada.next(({ type }) => type === 'pong');
    };
    const isRefused = () => ada.frames.some(({ code }) => code === 503);
    for (let n = 0; !isRefused(); n++) {
      await asks();
      if (n * 5_000 * 50 > 4 * kernelBytes) throw new Error('it was never refused');
    }
    // As much again as it takes to be closed.
    for (let n = 0; n < 6; n++) await asks();
    expect(game.closings).toEqual([]);
  },
);

test('who does not read the answers of /auth costs little memory, and is ended', async () => {
  await start();
  const slow = await game.raw('/auth?userId=slow');
  game.tokens.add((await slow.next()).token);
  slow.stopReading();
  await costsLittle(slow, '{', () => slow.ended);
  await game.session('others');
});
