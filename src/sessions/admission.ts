import { addressGroup } from '../access/networks.ts';
import type { Clock } from '../sockets/ports.ts';
import { type Claims, unreadable } from './claims.ts';
import { Counts } from './counts.ts';
import type { Figures } from './figures.ts';
import { Guesses } from './guesses.ts';
import { Busy, Hashing } from './hashing.ts';
import type { Lines } from './lines.ts';
import type { SessionAnswer, SessionRequest } from './messages.ts';
import { refuse, stored } from './refused.ts';
import type { Secrets } from './secrets-port.ts';
import type { Session, Shelf } from './shelf.ts';

export interface AdmissionLimits {
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

export interface AdmissionPorts {
  clock: Clock;
  secrets: Secrets;
  figures: Figures;
  shelf: Shelf;
  claims: Claims;
  /** Changes of a user's sessions or claim. */
  lines: Lines;
  /** The live session of a token. */
  find(token: string): Session | undefined;
  report(level: 'info' | 'warn', event: string, fields: object): void;
}

type Auth = Extract<SessionRequest, { type: 'auth' }>;

/** Where a request comes from. */
interface Origin {
  address: string;
  /** What counts as one address. */
  group: string;
}

/** Who gets a session: secrets, who may bind one, and what strangers may cost. */
export class Admission {
  private readonly hashing: Hashing;
  private readonly guesses: Guesses;
  private readonly makers: Counts;
  /** Sessions that are on their way into the store. */
  private beginning = 0;

  constructor(
    private readonly ports: AdmissionPorts,
    private readonly limits: AdmissionLimits,
  ) {
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

  get hashesWaiting(): number {
    return this.hashing.waiting;
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    this.guesses.sweep(nowMs);
    this.makers.sweep(nowMs);
  }

  /**
   * Rejects with `Refused`. Counts as a session of its origin from its start, so that many at once
   * hash no more.
   */
  async auth(request: Auth, address: string): Promise<SessionAnswer> {
    const { userId, secret } = request;
    const origin = { address, group: addressGroup(address) };
    if (secret === undefined) {
      if (this.ports.claims.of(userId) !== undefined) refuse('secretNeeded');
      if (this.limits.requireSecret) refuse('secretRequired');
    }
    const begunMs = this.ports.clock.now();
    const waitMs = this.makers.waitMs(origin.group, begunMs);
    if (waitMs > 0) refuse('tooManySessionsMade', waitMs);
    this.makers.add(origin.group, begunMs);
    try {
      return secret === undefined
        ? await this.ports.lines.after(userId, () => this.make(userId, undefined, origin))
        : await this.show(request, secret, origin);
    } catch (error) {
      this.makers.takeBack(origin.group, begunMs);
      throw error;
    }
  }

  /** Somebody shows a secret. Nothing is hashed for who would be refused all the same. */
  private async show(request: Auth, secret: string, origin: Origin): Promise<SessionAnswer> {
    const { userId } = request;
    let claim = this.ports.claims.of(userId);
    this.excessOf(userId, true);
    if (claim === undefined) {
      this.checkMayBind(request);
      const hash = await hashed(this.hashing.hash(secret, origin.group));
      // Meanwhile somebody else may have been first, perhaps with the same secret.
      const bound = await this.ports.lines.after(
        userId,
        async () => this.ports.claims.of(userId) ?? (await this.bind(request, hash, origin)),
      );
      if (typeof bound !== 'string') return bound;
      claim = bound;
    }
    await this.guess(userId, secret, claim, origin);
    return this.ports.lines.after(userId, () => this.make(userId, claim, origin));
  }

  /** Is it the secret? Outside of the user's line: whoever guesses must not hold up the owner. */
  private async guess(
    userId: string,
    secret: string,
    claim: string,
    { address, group }: Origin,
  ): Promise<void> {
    if (claim === unreadable) refuse('failed');
    const begunMs = this.ports.clock.now();
    const waitMs = this.guesses.begin(userId, group, begunMs);
    if (waitMs > 0) refuse('tooManyGuesses', waitMs);
    const verified = hashed(this.hashing.verify(secret, claim, group));
    const isRight = await verified.catch((error) => {
      this.guesses.takeBack(userId, group, begunMs);
      throw error;
    });
    if (isRight) this.guesses.takeBack(userId, group, begunMs);
    else {
      this.ports.report('warn', 'secret_refused', { address });
      refuse('wrongSecret');
    }
  }

  private checkMayBind({ userId, token }: Auth): void {
    const [oldest] = this.ports.shelf.of(userId, this.ports.clock.wallMs());
    const isOwner = token !== undefined && this.ports.find(token) === oldest;
    if (oldest !== undefined && !isOwner) refuse('tokenNeeded');
    if (this.ports.claims.isFull) refuse('tooManyClaims');
  }

  /** The first secret of a user becomes the user's, and the session begins; or neither. */
  private async bind(request: Auth, hash: string, origin: Origin): Promise<SessionAnswer> {
    const { userId } = request;
    this.checkMayBind(request);
    const answer = await this.begun(userId, true, origin, (put) =>
      this.ports.claims.bind(userId, hash, put),
    );
    this.ports.report('info', 'secret_bound', {});
    return answer;
  }

  /** `shown`: the hash of the secret that was shown. */
  private async make(
    userId: string,
    shown: string | undefined,
    origin: Origin,
  ): Promise<SessionAnswer> {
    // While this waited, a secret may have been bound, or forgotten.
    if (this.ports.claims.of(userId) !== shown)
      refuse(shown === undefined ? 'secretNeeded' : 'wrongSecret');
    return this.begun(userId, shown !== undefined, origin, (put) => put());
  }

  /**
   * The sessions of a user that go when one more comes: the oldest, but without a secret none that is
   * in use, for then it may be a stranger who comes. Refuses when there is no room.
   */
  private excessOf(userId: string, hasSecret: boolean): Session[] {
    const { perUserMax, sessionsMax } = this.limits;
    const older = this.ports.shelf.of(userId, this.ports.clock.wallMs());
    const count = Math.max(0, older.length + 1 - perUserMax);
    const excess = mayGo(older, hasSecret).slice(0, count);
    if (excess.length < count) refuse('sessionsInUse');
    const size = this.ports.shelf.size + this.beginning;
    if (size - excess.length >= sessionsMax) refuse('tooManySessions');
    return excess;
  }

  /** `store` puts the session into the store, with what has to be there as well. */
  private async begun(
    userId: string,
    hasSecret: boolean,
    { address }: Origin,
    store: (put: () => Promise<Session>) => Promise<Session>,
  ): Promise<SessionAnswer> {
    const { clock, secrets } = this.ports;
    const excess = this.excessOf(userId, hasSecret);
    const token = secrets.newToken();
    const digest = secrets.digest(token);
    this.beginning += 1;
    const put = () => this.ports.shelf.put(digest, userId, address, clock.wallMs());
    const session = await stored(store(put)).finally(() => (this.beginning -= 1));
    this.ports.figures.begun += 1;
    this.ports.report('info', 'session_begun', { id: session.id, userId });
    // What cannot be dropped now is dropped when the store is read again.
    await this.ports.shelf.drop(mayGo(excess, hasSecret), 'replaced').catch(() => {});
    return { userId, token, expiresAt: rfc3339(session.expiresMs) };
  }
}

/** Of these, whom one that comes may push out. */
function mayGo(sessions: readonly Session[], hasSecret: boolean): Session[] {
  return sessions.filter(({ users }) => hasSecret || users.size === 0);
}

async function hashed<Value>(work: Promise<Value>): Promise<Value> {
  return work.catch((error) =>
    error instanceof Busy ? refuse('busy', 5_000) : Promise.reject(error),
  );
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
