import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { SeededRandom } from '../sim/random.ts';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const rounds = process.env.QUICK ? 3 : 20;
const makers = 6;

/** What was answered of one session; `ending` from the moment that its logout is asked for. */
interface Known {
  token: string;
  state: 'granted' | 'ending' | 'ended';
}

/**
 * Clients come, go and bind secrets as fast as they can, the process is killed at a random moment,
 * and the next one knows whatever was answered with success.
 */
test(`kill -9 forgets no session, no logout and no secret that was answered (${rounds} rounds, SEED=${seed})`, async () => {
  const random = new SeededRandom(seed);
  const folder = temporaryFolder();
  const game = new Game();
  const auth = { sessions_per_minute: 1_000_000, max_sessions_per_user: 1000 };
  await game.start({ auth }, folder);
  const seen = { granted: 0, ended: 0, bound: 0 };
  for (let round = 0; round < rounds; round++) {
    const known: Known[] = [];
    const bound: string[] = [];
    const refused: object[] = [];
    let answers = 0;
    let isKilled = false;
    // An answer that comes in while the process dies counts as well.
    const ask = async (body: object) => {
      const answer = await game.answer(body);
      answers += 1;
      if (!answer.success) refused.push(answer);
      return answer;
    };
    const live = async (name: string) => {
      for (let i = 0; !isKilled; i++) {
        const { token } = await ask({ type: 'auth', userId: name });
        const one: Known = { token, state: 'granted' };
        known.push(one);
        await ask({ type: random.pick(['refresh', 'validate']), token });
        if (i % 2 === 0) continue;
        one.state = 'ending';
        await ask({ type: 'logout', token });
        one.state = 'ended';
      }
    };
    const bind = async () => {
      for (let i = 0; !isKilled; i++) {
        const userId = `r${round}-bound${i}`;
        const { token } = await ask({ type: 'auth', userId, secret: userId });
        known.push({ token, state: 'granted' });
        bound.push(userId);
      }
    };
    // A request that the kill cut off rejects, and its client is done.
    const clients = Array.from({ length: makers }, (_, i) => live(`r${round}-u${i}`));
    const working = Promise.allSettled([...clients, bind()]);
    const enough = random.whole(20, 600);
    await until('some answers', () => answers >= enough && bound.length > 0);
    game.server.signal('SIGKILL');
    isKilled = true;
    await working;
    expect(refused).toEqual([]);
    await game.stop('SIGKILL');

    await game.start({ auth }, folder);
    for (const { token, state } of known)
      if (state !== 'ending')
        expect([state, await game.isValid(token)]).toEqual([state, state === 'granted']);
    for (const userId of bound)
      expect((await game.answer({ type: 'auth', userId })).status).toBe(401);
    const [userId] = bound;
    expect((await game.answer({ type: 'auth', userId, secret: userId })).status).toBe(200);
    seen.granted += known.filter(({ state }) => state === 'granted').length;
    seen.ended += known.filter(({ state }) => state === 'ended').length;
    seen.bound += bound.length;
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(rounds);
  await game.stop();
  rmSync(folder, { recursive: true });
}, 240_000);
