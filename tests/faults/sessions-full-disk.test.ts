import { expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/moonstead.ts';
import { ackOf, Game, tell } from '../support/players.ts';
import { tmpfs } from '../support/tmpfs.ts';

const disk = tmpfs();

test.skipIf(disk.problem !== '')(
  `on a full disk no session is granted or ended, players talk on, and it heals${disk.problem && ` (skipped: ${disk.problem})`}`,
  async () => {
    expect(disk.mount()).toBe('');
    const game = new Game();
    await game.start({ players: { message_bytes: '1MB' } }, disk.folder);
    const ada = await game.player('ada');
    const { token } = await game.session('bob');
    const bob = await game.player('bob', { token });

    const filler = join(disk.folder, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(2 << 20));
    } catch {
      // As meant: it takes what there is.
    }
    // What the log of the store still has room for is used up first.
    const granted = [token];
    const refused = await until('a refusal', async () => {
      const answer = await game.post({ type: 'auth', userId: 'late' });
      if (answer.status === 429) return answer;
      const one = ((await answer.json()) as { token: string }).token;
      game.tokens.add(one);
      granted.push(one);
      return undefined;
    });
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toEqual({
      success: false,
      message: 'The store cannot write, try later.',
    });
    expect((await game.answer({ type: 'logout', token })).status).toBe(429);
    // What was not ended is not: its player stays, and hears others.
    expect(await game.isValid(token)).toBeTrue();
    expect(await tell(ada, 'bob', 'live')).toBe('completed');
    await bob.next(({ msg_id: id }) => id === 'live');
    const large = 'x'.repeat(200_000);
    ada.say({ type: 'message', targetUserId: 'away', data: large, msg_id: 'lost' });
    expect(await ackOf(ada, 'lost')).toMatchObject({ status: 'failed', detail: 'not stored' });

    rmSync(filler);
    const ask = () => game.answer({ type: 'logout', token });
    await until('it to heal', async () => (await ask()).status === 200);
    expect((await bob.ended()).code).toBe(4401);
    expect(await game.isValid(token)).toBeFalse();
    expect(await tell(ada, 'away', 'kept')).toBe('queued');
    const away = await game.player('away');
    expect((await away.next(({ type }) => type === 'message')).msg_id).toBe('kept');
    await game.leave();
    expect(await game.server.stop()).toBe(0);
    const errors = game.server.events.filter(({ level }) => level === 'error');
    expect(errors.map(({ event }) => event)).toEqual(['store.trouble']);
    disk.unmount();
    rmSync(disk.folder, { recursive: true });
  },
);
