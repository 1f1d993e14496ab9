import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import { Counts } from './counts.ts';
import { Guesses } from './guesses.ts';
import { Busy, Hashing } from './hashing.ts';
import { type SessionAnswer, sessionRefusals, type SessionRequest } from './messages.ts';
import type { Secrets } from './secrets-port.ts';
import { isAlive, type Session, Shelf } from './shelf.ts';

export interface SessionsLimits {
  ttlMs: number;
  requireSecret: boolean;
  perUserMax: number;
  sessionsMax: number;
  /** New sessions that one address may make. */
  perMinute: number;
  guessesPerUser: number;
  guessesPerAddress: number;
  guessWindowMs: number;
  hashesAtOnce: number;
  hashesWaitingMax: number;
}

export interface SessionsPorts {
  clock: Clock;
  store: Store;
  secrets: Secrets;
  report(level: 'info' | 'warn', event: string, fields: object): void;
}

type Auth = Extract<SessionRequest, { type: 'auth' }>;

/** A refusal, thrown within the core and answered at its edge. */
class Refused extends Error {
  constructor(readonly answer: Extract<SessionAnswer, { refusal: unknown }>) {
    super(answer.refusal.message);
  }
}

const refuse = (refusal: keyof typeof sessionRefusals, waitMs?: number): never => {
  const retryAfterS = waitMs === undefined ? {} : { retryAfterS: Math.ceil(waitMs / 1000) };
  throw new Refused({ refusal: sessionRefusals[refusal], ...retryAfterS });
};

/** How often what is over is looked for. */
const sweepMs = 1_000;

/**
 * Sessions (docs/protocol-sessions.md): UIDs get tokens, of which only digests are kept. Nothing is
 * answered before it is committed; nothing is read from the store but at the start.
 */
export class Sessions {
  private readonly shelf: Shelf;
  private readonly hashing: Hashing;
  private readonly guesses: Guesses;
  /** argon2id of the secret, by user. */
  private readonly claims = new Map<string, string>();
  /** The last change of a user's sessions or claim that is on its way. */
  private readonly lines = new Map<string, Promise<unknown>>();
  private readonly makers: Counts;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: SessionsPorts,
    private readonly limits: SessionsLimits,
  ) {
    this.shelf = new Shelf(ports.store.records, limits.ttlMs);
    this.hashing = new Hashing(ports.secrets, {
      atOnce: limits.hashesAtOnce,
      waitingMax: limits.hashesWaitingMax,
    });
    this.makers = new Counts(limits.perMinute, 60_000);
    this.guesses = new Guesses({
      perUser: limits.guessesPerUser,
      perAddress: limits.guessesPerAddress,
      windowMs: limits.guessWindowMs,
    });
  }

  /** Takes over what an earlier run left in the store. Call before the first request. */
  async begin(): Promise<void> {
    const { clock, store } = this.ports;
    for (const { key, text } of await store.records.all('claims')) this.claims.set(key, text);
    await this.shelf.load(clock.wallMs());
    this.sweepLater();
  }

  end(): void {
    this.stopSweeping();
  }

  /** Sessions that are alive. */
  get size(): number {
    return this.shelf.size;
  }

  /** Never rejects. `address` is where the request comes from. */
  async answer(request: SessionRequest, address: string): Promise<SessionAnswer> {
    try {
      if (request.type === 'auth') return await this.auth(request, address);
      const session = this.find(request.token) ?? refuse('unknownToken');
      if (request.type === 'logout') {
        await this.stored(this.shelf.drop([session]));
        return {};
      }
      const { userId } = session;
      const expiresAt = await this.use(session, request.type === 'refresh');
      return request.type === 'refresh' ? { expiresAt } : { userId, expiresAt };
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }

  /** The live session of a token. */
  find(token: string): Session | undefined {
    const session = this.shelf.byDigest.get(this.ports.secrets.digest(token));
    return session && isAlive(session, this.ports.clock.wallMs()) ? session : undefined;
  }

  /**
   * A connection uses the session of a token, which does not expire meanwhile. `onEnd` is called when
   * it is logged out or pushed out by a newer one. Undefined: there is no such session.
   */
  enter(token: string, onEnd: () => void): { userId: string; leave(): void } | undefined {
    const session = this.find(token);
    if (session === undefined) return undefined;
    const user = { onEnd };
    session.users.add(user);
    const leave = () => {
      if (!session.users.delete(user)) return;
      void this.shelf.extend(session, this.ports.clock.wallMs()).catch(() => {});
    };
    return { userId: session.userId, leave };
  }

  private async auth(request: Auth, address: string): Promise<SessionAnswer> {
    const { userId, secret } = request;
    const { requireSecret } = this.limits;
    const claim = this.claims.get(userId);
    if (secret === undefined) {
      if (claim !== undefined) refuse('secretNeeded');
      if (requireSecret) refuse('secretRequired');
    } else if (claim !== undefined) await this.guess(userId, secret, claim, address);
    else await this.bind(request, secret);
    return this.inLine(userId, () => this.make(userId, secret !== undefined, address));
  }

  /** Is it the secret? Outside of the user's line: whoever guesses must not hold up the owner. */
  private async guess(
    userId: string,
    secret: string,
    claim: string,
    address: string,
  ): Promise<void> {
    const { clock } = this.ports;
    const waitMs = this.guesses.begin(userId, address, clock.now());
    if (waitMs > 0) refuse('tooManyGuesses', waitMs);
    const isRight = await this.hashed(this.hashing.verify(secret, claim)).catch((error) => {
      this.guesses.takeBack(userId, address, clock.now());
      throw error;
    });
    if (isRight) this.guesses.takeBack(userId, address, clock.now());
    else {
      this.ports.report('warn', 'secret_refused', { address });
      refuse('wrongSecret');
    }
  }

  /** The first secret of a user becomes the user's. */
  private async bind({ userId, token }: Auth, secret: string): Promise<void> {
    const { store, clock } = this.ports;
    const checkMayBind = () => {
      const isOwner = token !== undefined && this.find(token)?.userId === userId;
      if (!isOwner && this.shelf.of(userId, clock.wallMs()).length > 0) refuse('tokenNeeded');
    };
    checkMayBind();
    const hash = await this.hashed(this.hashing.hash(secret));
    await this.inLine(userId, async () => {
      // Meanwhile somebody else may have been first.
      if (this.claims.has(userId)) refuse('secretNeeded');
      checkMayBind();
      await this.stored(store.records.put('claims', [{ key: userId, text: hash }]));
      this.claims.set(userId, hash);
    });
    this.ports.report('info', 'secret_bound', {});
  }

  private async make(userId: string, hasSecret: boolean, address: string): Promise<SessionAnswer> {
    const { clock, secrets } = this.ports;
    const { perUserMax, sessionsMax } = this.limits;
    // A secret that was bound while this waited.
    if (!hasSecret && this.claims.has(userId)) refuse('secretNeeded');
    const older = this.shelf.of(userId, clock.wallMs());
    const excess = older.slice(0, Math.max(0, older.length + 1 - perUserMax));
    if (this.shelf.size - excess.length >= sessionsMax) refuse('tooManySessions');
    const waitMs = this.makers.waitMs(address, clock.now());
    if (waitMs > 0) refuse('tooManySessionsMade', waitMs);
    this.makers.add(address, clock.now());
    const token = secrets.newToken();
    const session = await this.stored(
      this.shelf.put(secrets.digest(token), userId, clock.wallMs()),
    );
    // What cannot be dropped now is dropped when the store is read again.
    await this.shelf.drop(excess).catch(() => {});
    return { userId, token, expiresAt: rfc3339(session.expiresMs) };
  }

  /** A use makes it live longer. `mustStore`: the client asked for that. */
  private async use(session: Session, mustStore: boolean): Promise<string> {
    const stored = this.shelf.extend(session, this.ports.clock.wallMs());
    if (mustStore) await this.stored(stored);
    else await stored.catch(() => {});
    return rfc3339(session.expiresMs);
  }

  private async hashed<Value>(work: Promise<Value>): Promise<Value> {
    return work.catch((error) =>
      error instanceof Busy ? refuse('busy', 5_000) : Promise.reject(error),
    );
  }

  private async stored<Value>(work: Promise<Value>): Promise<Value> {
    return work.catch(() => refuse('storeFailed', 5_000));
  }

  /** Changes of one user come one after the other. */
  private inLine<Value>(userId: string, act: () => Promise<Value>): Promise<Value> {
    const mine = (this.lines.get(userId) ?? Promise.resolve()).then(act);
    const tail = mine.catch(() => {});
    this.lines.set(userId, tail);
    void tail.then(() => {
      if (this.lines.get(userId) === tail) this.lines.delete(userId);
    });
    return mine;
  }

  private sweepLater(): void {
    this.stopSweeping = this.ports.clock.after(sweepMs, () => {
      const { clock } = this.ports;
      this.guesses.sweep(clock.now());
      this.makers.sweep(clock.now());
      const nowMs = clock.wallMs();
      void this.shelf.drop(this.shelf.expired(nowMs)).catch(() => {});
      for (const session of this.shelf.inUse())
        void this.shelf.extend(session, nowMs).catch(() => {});
      this.sweepLater();
    });
  }
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
