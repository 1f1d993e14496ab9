import type { RecordStore } from '../store/store.ts';
import { isHash, isUserId } from './records.ts';

const set = 'claims';
/** In the place of a hash that cannot be read: the claim holds, and no secret is the right one. */
export const unreadable = '';

/** Who has a secret: its argon2id by user, in memory and in the store. */
export class Claims {
  private readonly hashes = new Map<string, string>();
  /** What should not be in the store and perhaps is, since taking it out failed. */
  private readonly leftovers = new Set<string>();
  /** On their way into the store. */
  private coming = 0;

  constructor(
    private readonly ports: {
      records: RecordStore;
      /** A record was passed over, and is left where it is. */
      unreadable(set: string): void;
    },
    private readonly most: number,
  ) {}

  get size(): number {
    return this.hashes.size;
  }

  /** There is no room for one more. */
  get isFull(): boolean {
    return this.hashes.size + this.leftovers.size + this.coming >= this.most;
  }

  async load(): Promise<void> {
    for (const { key, text } of await this.ports.records.all(set)) {
      const isReadable = isHash(text) && isUserId(key);
      if (!isReadable) this.ports.unreadable(set);
      // To pass it over would give the user to whoever comes first.
      this.hashes.set(key, isReadable ? text : unreadable);
    }
  }

  /** Undefined: the user has no secret. */
  of(userId: string): string | undefined {
    return this.hashes.get(userId);
  }

  /**
   * Binds a user, together with what `act` does: when either rejects, nothing has changed. Not to be
   * called for the same user meanwhile, as `undo` is not.
   */
  async bind<Value>(userId: string, hash: string, act: () => Promise<Value>): Promise<Value> {
    this.coming += 1;
    try {
      await this.ports.records.put(set, [{ key: userId, text: hash }]);
    } finally {
      this.coming -= 1;
    }
    this.leftovers.add(userId);
    try {
      const value = await act();
      this.leftovers.delete(userId);
      this.hashes.set(userId, hash);
      return value;
    } catch (error) {
      await this.undo(userId).catch(() => {});
      throw error;
    }
  }

  /** Users for whom `undo` is to be tried again. */
  get toUndo(): readonly string[] {
    return [...this.leftovers];
  }

  /** Takes out what was put in for nothing. Rejects when the store does. */
  async undo(userId: string): Promise<void> {
    if (!this.leftovers.has(userId)) return;
    await this.ports.records.drop(set, [userId]);
    this.leftovers.delete(userId);
  }

  /** Rejects, with nothing changed, when the store does. */
  async drop(userId: string): Promise<void> {
    await this.ports.records.drop(set, [userId]);
    this.hashes.delete(userId);
  }
}
