import type { Secrets } from '../../src/sessions/secrets-port.ts';
import { Sessions, type SessionsLimits } from '../../src/sessions/sessions.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { SimClock } from '../sim/clock.ts';

const defaults: SessionsLimits = {
  ttlMs: 100_000,
  requireSecret: false,
  perUserMax: 4,
  sessionsMax: 1000,
  claimsMax: 1000,
  perMinute: 600,
  guessesPerUser: 5,
  guessesPerAddress: 20,
  guessWindowMs: 900_000,
  hashesAtOnce: 2,
  hashesWaitingMax: 3,
};

/** What the stage keeps of a secret; `garbled` is one that looks well and cannot be verified. */
export function hashOf(secret: string): string {
  return `$argon2id$v=19$m=1,t=1,p=1$salt$${Buffer.from(secret).toString('base64url')}`;
}

export const garbled = hashOf('garbled');

/** The core with a clock that the test moves and hashes that wait until it lets them go. */
export class Stage {
  readonly clock = new SimClock();
  readonly events: string[] = [];
  readonly hashing: (() => void)[] = [];
  holdsHashes = false;
  /** Set, and every write fails; or those to one set of records do. */
  isFull: boolean | string = false;
  sessions!: Sessions;
  secrets!: Secrets;
  private serial = 0;
  private readonly limits: SessionsLimits;

  private constructor(
    limits: Partial<SessionsLimits>,
    readonly inner: Store,
  ) {
    this.limits = { ...defaults, ...limits };
  }

  static async start(limits: Partial<SessionsLimits> = {}, store = memoryStore()): Promise<Stage> {
    const stage = new Stage(limits, store);
    await stage.restart();
    return stage;
  }

  async restart(): Promise<void> {
    this.sessions?.end();
    const { clock, inner } = this;
    const guarded = (set: string, write: () => Promise<void>) =>
      this.isFull === true || this.isFull === set ? Promise.reject(new Error('full')) : write();
    const store: Store = {
      ...inner,
      records: {
        all: (set) => inner.records.all(set),
        put: (set, records) => guarded(set, () => inner.records.put(set, records)),
        drop: (set, keys) => guarded(set, () => inner.records.drop(set, keys)),
      },
    };
    const wait = () =>
      this.holdsHashes ? new Promise<void>((resolve) => this.hashing.push(resolve)) : undefined;
    this.secrets = {
      newToken: () => `token-${(this.serial += 1)}`,
      // Of a digest, it is what an operator gets to see.
      digest: (text) =>
        text.startsWith('digest of ') ? `id of ${text.slice(10)}` : `digest of ${text}`,
      hash: async (secret) => {
        await wait();
        return hashOf(secret);
      },
      verify: async (secret, hash) => {
        await wait();
        if (hash === garbled) throw new Error('InvalidEncoding');
        return hash === hashOf(secret);
      },
    };
    const report = (level: string, event: string, fields: object) =>
      void this.events.push(
        [...(level === 'info' ? [] : [level]), event, ...Object.values(fields)].join(' '),
      );
    this.sessions = new Sessions({ clock, store, secrets: this.secrets, report }, this.limits);
    await this.sessions.begin();
  }

  auth(userId: string, more: { secret?: string; token?: string } = {}, address = 'home') {
    return this.sessions.answer({ type: 'auth', userId, ...more }, address) as Promise<any>;
  }

  ask(type: 'refresh' | 'validate' | 'logout', token: string) {
    return this.sessions.answer({ type, token }, 'home') as Promise<any>;
  }

  /** The message of a refusal, or `granted`. */
  async told(answer: Promise<any>): Promise<string> {
    return (await answer).refusal?.message ?? 'granted';
  }
}
