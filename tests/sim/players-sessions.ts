import type { SessionInUse } from '../../src/players/seat.ts';
import type { Secrets } from '../../src/sessions/secrets-port.ts';
import { Sessions } from '../../src/sessions/sessions.ts';
import type { Store } from '../../src/store/store.ts';
import type { SimClock } from './clock.ts';
import type { PlayersObserver } from './players-observer.ts';
import type { SeededRandom } from './random.ts';

/** Where the world's players get their tokens: from the real core, or always. */
export class SimSessions {
  private core: Sessions | undefined;
  private readonly isReal: boolean;
  /** The newest token of each user. */
  private readonly tokens = new Map<string, string>();
  /** Sessions in use where there is no core, by token. */
  private inUse = new Map<string, Set<() => void>>();
  private readonly ended = new Set<string>();
  private serial = 0;

  constructor(
    private readonly clock: SimClock,
    random: SeededRandom,
    private readonly observer: () => PlayersObserver,
  ) {
    this.isReal = random.chance(0.3);
  }

  /** A run of the program begins. */
  async begin(store: Store): Promise<void> {
    this.inUse = new Map();
    this.core?.end();
    if (!this.isReal) return;
    const secrets: Secrets = {
      newToken: () => `t${(this.serial += 1)}`,
      digest: (token) => token,
      hash: async (secret) => secret,
      verify: async (secret, hash) => secret === hash,
    };
    this.core = new Sessions(
      { clock: this.clock, store, secrets, report: () => {} },
      {
        ttlMs: 10_000,
        requireSecret: false,
        perUserMax: 2,
        sessionsMax: 1000,
        claimsMax: 1000,
        perMinute: 100_000,
        guessesPerUser: 10,
        guessesPerAddress: 10,
        guessWindowMs: 1000,
        hashesAtOnce: 2,
        hashesWaitingMax: 10,
      },
    );
    await this.core.begin();
  }

  /** A token of this user, that is good or was; asks for a new one in the background. */
  tokenOf(userId: string): string {
    void this.renew(userId);
    return this.newest(userId);
  }

  newest(userId: string): string {
    return this.tokens.get(userId) ?? 'none';
  }

  /** Sees to it that the newest is good. */
  async provide(userId: string): Promise<void> {
    await this.renew(userId);
  }

  /** Somebody logs this token out, or the user's newest. */
  end(userId: string, token = this.tokens.get(userId)): void {
    if (token === undefined) return;
    if (this.core !== undefined) {
      void this.core.answer({ type: 'logout', token }, 'somewhere').then((answer) => {
        if ('refusal' in answer) return;
        for (const player of this.observer().players)
          if (player.isIn && player.token === token)
            this.observer().broke(`${player.name} is in with a session that is over`);
      });
      return;
    }
    this.ended.add(token);
    for (const onEnd of [...(this.inUse.get(token) ?? [])]) onEnd();
  }

  enter(token: string, onEnd: () => void): SessionInUse | undefined {
    if (this.core !== undefined) return this.core.enter(token, onEnd);
    const [userId] = token.split(':');
    if (!token.includes(':') || this.ended.has(token)) return undefined;
    const users = this.inUse.get(token) ?? new Set();
    this.inUse.set(token, users.add(onEnd));
    return { userId: userId!, leave: () => void users.delete(onEnd) };
  }

  private async renew(userId: string): Promise<void> {
    if (this.core === undefined) {
      if (!this.tokens.has(userId) || this.ended.has(this.newest(userId)))
        this.tokens.set(userId, `${userId}:${(this.serial += 1)}`);
      return;
    }
    const answer = await this.core.answer({ type: 'auth', userId }, 'somewhere');
    if ('token' in answer && answer.token !== undefined) this.tokens.set(userId, answer.token);
  }
}
