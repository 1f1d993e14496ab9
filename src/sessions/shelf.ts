import type { RecordStore } from '../store/store.ts';
import type { Why } from './figures.ts';
import { readSession, type StoredSession } from './records.ts';

export interface Session {
  readonly digest: string;
  /** What operators know it by. */
  readonly id: string;
  /** Grows from each session to the next, in one run. */
  readonly number: number;
  readonly userId: string;
  readonly createdMs: number;
  /** Whose request made it; records of earlier versions do not say. */
  readonly address: string | undefined;
  expiresMs: number;
  seenMs: number;
  /** Connections that use it; while there is one it does not expire. */
  readonly users: Set<{ onEnd(): void }>;
  /** It is on its way out of the store: not to be used, nor written again. */
  isEnding?: boolean;
}

export function isAlive(session: Session, nowMs: number): boolean {
  return session.isEnding !== true && !hasExpired(session, nowMs);
}

function hasExpired({ expiresMs, users }: Session, nowMs: number): boolean {
  return expiresMs <= nowMs && users.size === 0;
}

const set = 'sessions';
/** Shares of its life by which a session must have aged to be written again. */
const slideShare = 0.01;

/**
 * The sessions in memory, and the store behind them: in the store first when they come, and last when
 * they go. All times by the wall clock, for they outlive the process.
 */
export class Shelf {
  /** In the order of their numbers. */
  readonly byDigest = new Map<string, Session>();
  readonly byId = new Map<string, Session>();
  private readonly byUser = new Map<string, Session[]>();
  private lastNumber = 0;

  constructor(
    private readonly ports: {
      records: RecordStore;
      /** An id that nobody can get back to the digest from. */
      idOf(digest: string): string;
      ended(session: Session, why: Why): void;
      /** A record was passed over, and is left where it is. */
      unreadable(set: string): void;
    },
    private readonly ttlMs: number,
  ) {}

  get size(): number {
    return this.byDigest.size;
  }

  async load(nowMs: number): Promise<void> {
    const records: { digest: string; stored: StoredSession }[] = [];
    for (const { key, text } of await this.ports.records.all(set)) {
      const stored = readSession(text);
      if (stored === undefined) this.ports.unreadable(set);
      else records.push({ digest: key, stored });
    }
    records.sort((a, b) => a.stored.createdMs - b.stored.createdMs);
    for (const { digest, stored } of records) {
      // Earlier versions did not say; its life began anew when it was seen.
      const seenMs = Math.max(stored.createdMs, Math.min(nowMs, stored.expiresMs - this.ttlMs));
      this.keep(this.made(digest, { seenMs, ...stored }));
    }
    await this.drop(this.expired(nowMs), 'expired').catch(() => {});
  }

  /** Those that are alive, oldest first; looks at no more of them than are taken. */
  *alive(nowMs: number): Iterable<Session> {
    for (const session of this.byDigest.values()) if (isAlive(session, nowMs)) yield session;
  }

  /** A user's live sessions, oldest first. */
  of(userId: string, nowMs: number): Session[] {
    return (this.byUser.get(userId) ?? []).filter((session) => isAlive(session, nowMs));
  }

  expired(nowMs: number): Session[] {
    return [...this.byDigest.values()].filter(
      (session) => hasExpired(session, nowMs) && session.isEnding !== true,
    );
  }

  inUse(): Session[] {
    return [...this.byDigest.values()].filter(({ users }) => users.size > 0);
  }

  async put(digest: string, userId: string, address: string, nowMs: number): Promise<Session> {
    const expiresMs = nowMs + this.ttlMs;
    const stored = { userId, createdMs: nowMs, expiresMs, seenMs: nowMs, address };
    await this.write(digest, stored);
    return this.keep(this.made(digest, stored));
  }

  /** It is used, and lives on from now. Rejects, living no longer, when the store does. */
  async extend(session: Session, nowMs: number): Promise<void> {
    session.seenMs = nowMs;
    const expiresMs = nowMs + this.ttlMs;
    if (session.isEnding || expiresMs - session.expiresMs < this.ttlMs * slideShare) return;
    await this.write(session.digest, { ...session, expiresMs });
    session.expiresMs = Math.max(session.expiresMs, expiresMs);
  }

  /** Rejects, with nothing changed, when the store does. */
  async drop(sessions: readonly Session[], why: Why): Promise<void> {
    if (sessions.length === 0) return;
    const digests = sessions.map(({ digest }) => digest);
    for (const session of sessions) session.isEnding = true;
    try {
      await this.ports.records.drop(set, digests);
    } catch (error) {
      for (const session of sessions) session.isEnding = false;
      throw error;
    }
    for (const session of sessions) {
      for (const user of session.users) user.onEnd();
      this.byDigest.delete(session.digest);
      this.byId.delete(session.id);
      const left = (this.byUser.get(session.userId) ?? []).filter((other) => other !== session);
      if (left.length > 0) this.byUser.set(session.userId, left);
      else this.byUser.delete(session.userId);
      this.ports.ended(session, why);
    }
  }

  private made(digest: string, stored: StoredSession & { seenMs: number }): Session {
    const { userId, createdMs, expiresMs, seenMs, address } = stored;
    const number = (this.lastNumber += 1);
    const id = this.ports.idOf(digest);
    const users: Session['users'] = new Set();
    return { digest, id, number, userId, createdMs, expiresMs, seenMs, address, users };
  }

  private keep(session: Session): Session {
    this.byDigest.set(session.digest, session);
    this.byId.set(session.id, session);
    const list = this.byUser.get(session.userId);
    if (list === undefined) this.byUser.set(session.userId, [session]);
    else list.push(session);
    return session;
  }

  private write(digest: string, stored: StoredSession): Promise<void> {
    const { userId, createdMs, expiresMs, seenMs, address } = stored;
    const text = JSON.stringify({ userId, createdMs, expiresMs, seenMs, address });
    return this.ports.records.put(set, [{ key: digest, text }]);
  }
}
