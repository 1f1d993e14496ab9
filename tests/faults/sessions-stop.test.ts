import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game, secret } from '../support/players.ts';

test('a stop while sixty hashes wait is clean; who was answered is known afterwards', async () => {
  const folder = temporaryFolder();
  const game = new Game();
  await game.start({}, folder);
  const bound: string[] = [];
  const asking = Array.from({ length: 60 }, async (_, i) => {
    const userId = `u${i}`;
    const answer = await game.answer({ type: 'auth', userId, secret });
    if (answer.success) bound.push(userId);
  });
  await until('some answers', () => bound.length > 4);
  // Fails if it does not exit with 0, or logs an error.
  await game.stop();
  await Promise.allSettled(asking);
  await game.start({}, folder);
  for (const userId of bound)
    expect((await game.answer({ type: 'auth', userId })).status).toBe(401);
  await game.session(bound.at(-1)!, { secret });
  await game.stop();
  rmSync(folder, { recursive: true });
});
