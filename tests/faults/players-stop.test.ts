import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game, given } from '../support/players.ts';

test('messages under way at the signal are answered or not taken; what was answered is kept', async () => {
  const folder = temporaryFolder();
  const settings = { players: { queue_max: 10_000, unacknowledged_max: 10_000 } };
  const game = new Game();
  await game.start(settings, folder);
  const sender = await game.player('sender');
  // Of two who are there one never confirms; one is away.
  const targets = ['away', 'there', 'mute'] as const;
  const there = await game.player('there');
  const mute = await game.rawPlayer('mute', { pongs: false });
  let sent = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 10; i++, sent++)
      for (const to of targets)
        sender.say({ type: 'message', targetUserId: to, data: sent, msg_id: `${to} ${sent}` });
  }, 1);
  const acks = () => sender.frames.filter(({ type }) => type === 'message_ack');
  await until('some answers', () => acks().length > 600);
  game.server.signal('SIGTERM');
  expect((await sender.ended()).code).toBe(1001);
  clearInterval(timer);
  await game.stop();

  const answered = acks().map(({ msg_id: id, status }) => `${id} ${status}`);
  const status = { away: 'queued', there: 'completed', mute: 'completed' };
  const orderly = Array.from({ length: answered.length }, (_, i) => {
    const to = targets[i % 3]!;
    return `${to} ${Math.floor(i / 3)} ${status[to]}`;
  });
  expect(answered).toEqual(orderly);
  await game.start(settings, folder);
  for (const to of targets) {
    const promised = acks()
      .map(({ msg_id: id }) => id)
      .filter((id) => id.startsWith(to));
    const back = await game.player(to);
    const before = to === 'there' ? given(there) : [];
    const all = () => [...before, ...given(back)];
    await until(`what ${to} was promised`, () => all().includes(promised.at(-1)!));
    const got = new Set(all());
    expect(promised.filter((id) => !got.has(id))).toEqual([]);
    // Repeats are the tail of what the last connection was sent, in order.
    const numbers = given(back).map((id) => Number(id.split(' ')[1]));
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
  }
  expect(given(mute).length).toBeGreaterThan(0);
  await game.stop();
  rmSync(folder, { recursive: true });
});
