import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import { Admission, type AdmissionLimits } from './admission.ts';
import { Claims } from './claims.ts';
import { Figures, type Why } from './figures.ts';
import { Lines } from './lines.ts';
import { type SessionAnswer, type SessionRequest, sessionRefusals } from './messages.ts';
import { Refused, refuse, stored } from './refused.ts';
import type { Secrets } from './secrets-port.ts';
import { isAlive, type Session, Shelf } from './shelf.ts';

export interface SessionsLimits extends AdmissionLimits {
  ttlMs: number;
  /** Users that may have a secret. */
  claimsMax: number;
}

export interface SessionsPorts {
  clock: Clock;
  store: Store;
  secrets: Secrets;
  report(level: 'info' | 'warn' | 'error', event: string, fields: object): void;
}

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
  private readonly claims: Claims;
  /** Changes of a user's sessions or claim. */
  private readonly lines = new Lines();
  private readonly admission: Admission;
  private isUndoing = false;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: SessionsPorts,
    limits: SessionsLimits,
  ) {
    const { secrets, store } = ports;
    const idOf = (digest: string) => secrets.digest(digest).slice(0, idLength);
    const ended = (session: Session, why: Why) => this.ended(session, why);
    const { records } = store;
    const unreadable = (set: string) => ports.report('error', 'record_unreadable', { set });
    this.claims = new Claims({ records, unreadable }, limits.claimsMax);
    this.shelf = new Shelf({ records, idOf, ended, unreadable }, limits.ttlMs);
    const { figures, shelf, claims, lines } = this;
    const find = (token: string) => this.find(token);
    this.admission = new Admission({ ...ports, figures, shelf, claims, lines, find }, limits);
  }

  /** Takes over what an earlier run left in the store. Call before the first request. */
  async begin(): Promise<void> {
    await this.claims.load();
    await this.shelf.load(this.ports.clock.wallMs());
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
    return this.admission.hashesWaiting;
  }

  /** Sessions that are alive, oldest first; looks at no more of them than are taken. */
  alive(): Iterable<Session> {
    return this.shelf.alive(this.ports.clock.wallMs());
  }

  /** The same of one user. */
  aliveOf(userId: string): Iterable<Session> {
    return this.shelf.of(userId, this.ports.clock.wallMs());
  }

  /** Never rejects. `address` is where the request comes from. */
  async answer(request: SessionRequest, address: string): Promise<SessionAnswer> {
    try {
      if (request.type === 'auth') return await this.admission.auth(request, address);
      const session = this.find(request.token) ?? refuse('unknownToken');
      if (request.type === 'logout') {
        await stored(this.shelf.drop([session], 'logout'));
        return {};
      }
      const { userId } = session;
      const expiresAt = await this.use(session, request.type === 'refresh');
      return request.type === 'refresh' ? { expiresAt } : { userId, expiresAt };
    } catch (error) {
      if (error instanceof Refused) {
        this.figures.refused[error.refusal] += 1;
        return error.answer;
      }
      this.figures.refused.failed += 1;
      this.ports.report('error', 'fault', {
        message: String(error),
        stack: (error as Error).stack,
      });
      return { refusal: sessionRefusals.failed };
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
      if (this.claims.of(userId) === undefined) return undefined;
      const sessions = this.shelf.of(userId, this.ports.clock.wallMs());
      // The secret last: whoever has to try again after a failure still finds it.
      await this.shelf.drop(sessions, 'revoked');
      await this.claims.drop(userId);
      return sessions.length;
    });
  }

  private ended({ id, userId }: Session, why: Why): void {
    this.figures.ended[why] += 1;
    this.ports.report('info', 'session_ended', { id, userId, why });
  }

  /** A use makes it live longer. `mustStore`: the client asked for that. */
  private async use(session: Session, mustStore: boolean): Promise<string> {
    const extended = this.shelf.extend(session, this.ports.clock.wallMs());
    if (mustStore) await stored(extended);
    else await extended.catch(() => {});
    return rfc3339(session.expiresMs);
  }

  /** One after the other, for the store is failing. */
  private async undo(): Promise<void> {
    this.isUndoing = true;
    for (const userId of this.claims.toUndo)
      await this.lines.after(userId, () => this.claims.undo(userId)).catch(() => {});
    this.isUndoing = false;
  }

  private sweepLater(): void {
    this.stopSweeping = this.ports.clock.after(sweepMs, () => {
      const { clock } = this.ports;
      this.admission.sweep(clock.now());
      const nowMs = clock.wallMs();
      void this.shelf.drop(this.shelf.expired(nowMs), 'expired').catch(() => {});
      if (!this.isUndoing) void this.undo();
      for (const session of this.shelf.inUse())
        void this.shelf.extend(session, nowMs).catch(() => {});
      this.sweepLater();
    });
  }
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
