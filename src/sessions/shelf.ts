import type { RecordStore } from '../store/store.ts';

export interface Session {
  readonly digest: string;
  readonly userId: string;
  readonly createdMs: number;
  expiresMs: number;
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

/** Shares of its life by which a session must have aged to be written again. */
const slideShare = 0.01;

/**
 * The sessions in memory, and the store behind them: in the store first when they come, and last when
 * they go. All times by the wall clock, for they outlive the process.
 */
export class Shelf {
  readonly byDigest = new Map<string, Session>();
  private readonly byUser = new Map<string, Session[]>();

  constructor(
    private readonly records: RecordStore,
    private readonly ttlMs: number,
  ) {}

  get size(): number {
    return this.byDigest.size;
  }

  async load(nowMs: number): Promise<void> {
    const sessions = (await this.records.all('sessions'))
      .map(({ key, text }): Session => ({ digest: key, ...JSON.parse(text), users: new Set() }))
      .sort((a, b) => a.createdMs - b.createdMs);
    for (const session of sessions) this.keep(session);
    await this.drop(this.expired(nowMs)).catch(() => {});
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

  async put(digest: string, userId: string, nowMs: number): Promise<Session> {
    const expiresMs = nowMs + this.ttlMs;
    const session: Session = { digest, userId, createdMs: nowMs, expiresMs, users: new Set() };
    await this.write(session);
    this.keep(session);
    return session;
  }

  /** Lives on from now. Rejects, with nothing changed, when the store does. */
  async extend(session: Session, nowMs: number): Promise<void> {
    const expiresMs = nowMs + this.ttlMs;
    if (session.isEnding || expiresMs - session.expiresMs < this.ttlMs * slideShare) return;
    await this.write({ ...session, expiresMs });
    session.expiresMs = Math.max(session.expiresMs, expiresMs);
  }

  /** Rejects, with nothing changed, when the store does. */
  async drop(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const digests = sessions.map(({ digest }) => digest);
    for (const session of sessions) session.isEnding = true;
    try {
      await this.records.drop('sessions', digests);
    } catch (error) {
      for (const session of sessions) session.isEnding = false;
      throw error;
    }
    for (const session of sessions) {
      for (const user of session.users) user.onEnd();
      this.byDigest.delete(session.digest);
      const left = (this.byUser.get(session.userId) ?? []).filter((other) => other !== session);
      if (left.length > 0) this.byUser.set(session.userId, left);
      else this.byUser.delete(session.userId);
    }
  }

  private keep(session: Session): void {
    this.byDigest.set(session.digest, session);
    const list = this.byUser.get(session.userId);
    if (list === undefined) this.byUser.set(session.userId, [session]);
    else list.push(session);
  }

  private write({ digest, userId, createdMs, expiresMs }: Session): Promise<void> {
    const text = JSON.stringify({ userId, createdMs, expiresMs });
    return this.records.put('sessions', [{ key: digest, text }]);
  }
}
