import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import { Counts } from './counts.ts';
import { Figures, type Why } from './figures.ts';
import { Guesses } from './guesses.ts';
import { Busy, Hashing } from './hashing.ts';
import { Lines } from './lines.ts';
import type { SessionAnswer, SessionRequest } from './messages.ts';
import { Refused, refuse } from './refused.ts';
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

/** How often what is over is looked for. */
const sweepMs = 1_000;
/** Characters of the id that operators know a session by: 96 bits. */
const idLength = 16;

/**
 * Sessions (docs/protocol-sessions.md): UIDs get tokens, of which only digests are kept. Nothing is
 * answered before it is committed; nothing is read from the store but at the start.
 */
export class Sessions {
  readonly figures = new Figures();
  private readonly shelf: Shelf;
  private readonly hashing: Hashing;
  private readonly guesses: Guesses;
  /** argon2id of the secret, by user. */
  private readonly claims = new Map<string, string>();
  /** Changes of a user's sessions or claim. */
  private readonly lines = new Lines();
  private readonly makers: Counts;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: SessionsPorts,
    private readonly limits: SessionsLimits,
  ) {
    const { secrets, store } = ports;
    const idOf = (digest: string) => secrets.digest(digest).slice(0, idLength);
    const ended = (session: Session, why: Why) => this.ended(session, why);
    this.shelf = new Shelf({ records: store.records, idOf, ended }, limits.ttlMs);
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

  /** Users with a secret. */
  get claimCount(): number {
    return this.claims.size;
  }

  get hashesWaiting(): number {
    return this.hashing.waiting;
  }

  /** Sessions that are alive, oldest first; looks at no more of them than are taken. */
  alive(): Iterable<Session> {
    return this.shelf.alive(this.ports.clock.wallMs());
  }

  /** Never rejects. `address` is where the request comes from. */
  async answer(request: SessionRequest, address: string): Promise<SessionAnswer> {
    try {
      if (request.type === 'auth') return await this.auth(request, address);
      const session = this.find(request.token) ?? refuse('unknownToken');
      if (request.type === 'logout') {
        await this.stored(this.shelf.drop([session], 'logout'));
        return {};
      }
      const { userId } = session;
      const expiresAt = await this.use(session, request.type === 'refresh');
      return request.type === 'refresh' ? { expiresAt } : { userId, expiresAt };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.figures.refused[error.refusal] += 1;
      return error.answer;
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
    session.seenMs = this.ports.clock.wallMs();
    const leave = () => {
      if (!session.users.delete(user)) return;
      void this.shelf.extend(session, this.ports.clock.wallMs()).catch(() => {});
    };
    return { userId: session.userId, leave };
  }

  /** Ends the session of this id. False: there is none. Rejects when the store does. */
  async revoke(id: string): Promise<boolean> {
    const session = this.shelf.byId.get(id);
    if (session === undefined || !isAlive(session, this.ports.clock.wallMs())) return false;
    await this.shelf.drop([session], 'revoked');
    return true;
  }

  /**
   * Forgets the secret of a user, and ends the user's sessions, or whoever bound it would bind the
   * next with a token. How many they were; undefined: no secret. Rejects when the store does.
   */
  unbind(userId: string): Promise<number | undefined> {
    return this.lines.after(userId, async () => {
      if (!this.claims.has(userId)) return undefined;
      const sessions = this.shelf.of(userId, this.ports.clock.wallMs());
      // The secret last: whoever has to try again after a failure still finds it.
      await this.shelf.drop(sessions, 'revoked');
      await this.ports.store.records.drop('claims', [userId]);
      this.claims.delete(userId);
      return sessions.length;
    });
  }

  private async auth(request: Auth, address: string): Promise<SessionAnswer> {
    const { userId, secret } = request;
    const { requireSecret } = this.limits;
    const claim = this.claims.get(userId);
    if (secret === undefined) {
      if (claim !== undefined) refuse('secretNeeded');
      if (requireSecret) refuse('secretRequired');
    } else if (claim !== undefined) await this.guess(userId, secret, claim, address);
    const shown = secret === undefined ? undefined : (claim ?? (await this.bind(request, secret)));
    return this.lines.after(userId, () => this.make(userId, shown, address));
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

  /** The first secret of a user becomes the user's; its hash. */
  private async bind({ userId, token }: Auth, secret: string): Promise<string> {
    const { store, clock } = this.ports;
    const checkMayBind = () => {
      const isOwner = token !== undefined && this.find(token)?.userId === userId;
      if (!isOwner && this.shelf.of(userId, clock.wallMs()).length > 0) refuse('tokenNeeded');
    };
    checkMayBind();
    const hash = await this.hashed(this.hashing.hash(secret));
    await this.lines.after(userId, async () => {
      // Meanwhile somebody else may have been first.
      if (this.claims.has(userId)) refuse('secretNeeded');
      checkMayBind();
      await this.stored(store.records.put('claims', [{ key: userId, text: hash }]));
      this.claims.set(userId, hash);
    });
    this.ports.report('info', 'secret_bound', {});
    return hash;
  }

  /** `shown`: the hash of the secret that was shown. */
  private async make(
    userId: string,
    shown: string | undefined,
    address: string,
  ): Promise<SessionAnswer> {
    const { clock, secrets } = this.ports;
    const { perUserMax, sessionsMax } = this.limits;
    // While this waited, a secret may have been bound, or forgotten.
    if (this.claims.get(userId) !== shown)
      refuse(shown === undefined ? 'secretNeeded' : 'wrongSecret');
    const older = this.shelf.of(userId, clock.wallMs());
    const excess = older.slice(0, Math.max(0, older.length + 1 - perUserMax));
    if (this.shelf.size - excess.length >= sessionsMax) refuse('tooManySessions');
    const waitMs = this.makers.waitMs(address, clock.now());
    if (waitMs > 0) refuse('tooManySessionsMade', waitMs);
    this.makers.add(address, clock.now());
    const token = secrets.newToken();
    const session = await this.stored(
      this.shelf.put(secrets.digest(token), userId, address, clock.wallMs()),
    );
    this.figures.begun += 1;
    this.ports.report('info', 'session_begun', { id: session.id, userId });
    // What cannot be dropped now is dropped when the store is read again.
    await this.shelf.drop(excess, 'replaced').catch(() => {});
    return { userId, token, expiresAt: rfc3339(session.expiresMs) };
  }

  private ended({ id, userId }: Session, why: Why): void {
    this.figures.ended[why] += 1;
    this.ports.report('info', 'session_ended', { id, userId, why });
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

  private sweepLater(): void {
    this.stopSweeping = this.ports.clock.after(sweepMs, () => {
      const { clock } = this.ports;
      this.guesses.sweep(clock.now());
      this.makers.sweep(clock.now());
      const nowMs = clock.wallMs();
      void this.shelf.drop(this.shelf.expired(nowMs), 'expired').catch(() => {});
      for (const session of this.shelf.inUse())
        void this.shelf.extend(session, nowMs).catch(() => {});
      this.sweepLater();
    });
  }
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
