/**
 * The store, as its users see it. Two implementations keep this contract (`memory.ts`, `sqlite.ts`)
 * and one behaviour suite holds both to it. One on NATS JetStream is to come, so every call that
 * may wait is a promise.
 *
 * - A call that resolves is durable: with SQLite it is committed with an fsync.
 * - A call that rejects left nothing behind and took nothing away. A rejection never concerns the
 *   calls beside it, even when they share a transaction.
 * - Calls take effect in the order in which they were made, also across rings and between rings
 *   and records; so do their answers. A read sees every put made before it.
 * - What is handed in is copied in the call; the caller may reuse its lists.
 * - Strings are kept as UTF-8: a lone surrogate, which JSON can smuggle in, becomes U+FFFD (of the
 *   same three bytes), in names and keys too. Any other character is kept, U+0000 too.
 */
export interface Store {
  readonly rings: RingStore;
  readonly records: RecordStore;
  /** Whether writes work: undefined, or why not (a full disk). Heals by itself. */
  trouble(): string | undefined;
  /** What it takes on the disk, as far as is known; 0: nothing is. */
  bytes(): number;
  /** Commits what was submitted, then lets go of every file. Later calls reject; again is no harm. */
  close(): Promise<void>;
}

/**
 * Rings: short queues with names, each holding the rows of the highest positions that it was given.
 * A position is the caller's, a safe integer above 0, unique in its ring.
 */
export interface RingStore {
  /**
   * Every row of every ring, without its text: what a start needs to know. Rings by the bytes of
   * their names, rows by position; no ring is empty.
   */
  index(): Promise<RingIndex[]>;
  /**
   * Puts rows in and keeps the newest `rowsMax` of the ring by position: of what was there and what
   * comes, the lowest positions go first, be it one of the new rows. A row whose position is there
   * already replaces it. All rows of a call are put, or none. A number that is not a safe integer
   * (position above 0, bytes and rowsMax 0 or above) rejects. `rowsMax` 0 empties the ring.
   */
  put(ring: string, rows: readonly RingRow[], rowsMax: number): Promise<void>;
  /**
   * The rows above position `after`, lowest first: as many as fit `bytesMax` by their `bytes`, and at
   * least one while there is any.
   */
  read(ring: string, after: number, bytesMax: number): Promise<RingRow[]>;
  /** Takes these positions out. One that is not there is none of the caller's worry. */
  drop(ring: string, positions: readonly number[]): Promise<void>;
}

export interface RingRow {
  position: number;
  text: string;
  /** The name of the API key whose bytes these are. */
  owner: string;
  /** UTF-8 length of `text`. */
  bytes: number;
}

export interface RingIndex {
  ring: string;
  rows: Omit<RingRow, 'text'>[];
}

/**
 * Records: texts by key, in sets with names: what a part holds in memory and needs again after a
 * restart. A set is there while it has a record; how many it may have is for its part to bound.
 */
export interface RecordStore {
  /** Every record of a set, by the bytes of their keys: what a start needs to know. */
  all(set: string): Promise<StoredRecord[]>;
  /**
   * Puts records in, each in the place of the one that has its key; of two with the same key in a
   * call the last wins. All records of a call are put, or none.
   */
  put(set: string, records: readonly StoredRecord[]): Promise<void>;
  /** Takes these keys out. One that is not there is none of the caller's worry. */
  drop(set: string, keys: readonly string[]): Promise<void>;
}

export interface StoredRecord {
  /** Unique in its set. */
  key: string;
  text: string;
}
