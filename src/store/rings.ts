import type { Database } from 'bun:sqlite';
import { rowsOf, type Answer, type Call, type Outcome } from './calls.ts';
import { checkPut } from './check.ts';
import { heldPositions, highest } from './held.ts';
import { schemaVersion } from './migrations.ts';
import type { RingIndex, RingRow } from './store.ts';

/** Rows on their way into a ring, by position, and the newest it keeps of them. */
interface Incoming {
  rows: Map<number, RingRow>;
  rowsMax: number;
}

/** Commits batches of calls to an open database, in their order. */
export function ringTable(db: Database): { commit(calls: readonly Call[]): Answer } {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const upsert = db.prepare(
    `INSERT INTO ring_rows (ring, position, owner, bytes, text) VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT DO UPDATE SET owner = excluded.owner, bytes = excluded.bytes, text = excluded.text`,
  );
  const removeBelow = db.prepare('DELETE FROM ring_rows WHERE ring = ?1 AND position < ?2');
  const remove = db.prepare('DELETE FROM ring_rows WHERE ring = ?1 AND position = ?2');
  const above = db.prepare<RingRow, [string, number]>(
    `SELECT position, text, owner, bytes FROM ring_rows
     WHERE ring = ?1 AND position > ?2 ORDER BY position`,
  );
  const all = db.prepare<Omit<RingRow, 'text'> & { ring: string }, []>(
    'SELECT ring, position, owner, bytes FROM ring_rows ORDER BY ring, position',
  );
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const probe = db.prepare(`PRAGMA user_version = ${schemaVersion}`);

  /** What the transaction under way has still to put, by ring. */
  const incoming = new Map<string, Incoming>();
  let wrote = false;
  const held = heldPositions();

  /** Newest of newest is newest: puts add up until a larger rowsMax, a read or a drop comes. */
  function put(ring: string, rows: RingRow[], rowsMax: number): void {
    checkPut(rows, rowsMax);
    let entry = incoming.get(ring);
    if (entry && rowsMax > entry.rowsMax) {
      flush(ring);
      entry = undefined;
    }
    if (!entry) incoming.set(ring, (entry = { rows: new Map(), rowsMax }));
    entry.rowsMax = rowsMax;
    for (const row of rows) entry.rows.set(row.position, row);
  }

  function flush(ring: string): void {
    const entry = incoming.get(ring);
    if (!entry) return;
    incoming.delete(ring);
    const before = held.of(ring);
    const kept = highest(before, entry.rows.keys(), entry.rowsMax);
    const lowest = kept[0] ?? Infinity;
    // Out before in: on a full disk the new row takes the room of the old one.
    if ((before[0] ?? Infinity) < lowest) {
      removeBelow.run(ring, lowest);
      wrote = true;
    }
    for (const { position, owner, bytes, text } of entry.rows.values()) {
      if (position < lowest) continue;
      upsert.run(ring, position, owner, bytes, text);
      wrote = true;
    }
    held.set(ring, kept);
  }

  function flushAll(): void {
    for (const ring of incoming.keys()) flush(ring);
  }

  function drop(ring: string, positions: readonly number[]): void {
    flush(ring);
    const before = held.of(ring);
    const gone = new Set(positions);
    const kept = before.filter((position) => !gone.has(position));
    if (kept.length === before.length) return;
    for (const position of gone) remove.run(ring, position);
    held.set(ring, kept);
    wrote = true;
  }

  function read(ring: string, after: number, bytesMax: number): RingRow[] {
    flush(ring);
    const found: RingRow[] = [];
    let bytes = 0;
    for (const row of above.iterate(ring, after)) {
      bytes += row.bytes;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(row);
    }
    return found;
  }

  function index(): RingIndex[] {
    flushAll();
    const rings: RingIndex[] = [];
    for (const { ring, ...row } of all.iterate()) {
      const last = rings.at(-1);
      if (last?.ring === ring) last.rows.push(row);
      else rings.push({ ring, rows: [row] });
    }
    return rings;
  }

  function run(call: Call): unknown {
    switch (call[0]) {
      case 'put':
        return put(call[1].toWellFormed(), rowsOf(call[3]), call[2]);
      case 'drop':
        return drop(call[1].toWellFormed(), call[2]);
      case 'read':
        return read(call[1].toWellFormed(), call[2], call[3]);
      case 'index':
        return index();
      case 'probe':
        probe.run();
        wrote = true;
    }
  }

  /** All of the calls in one transaction; throws, with nothing done, when one fails. */
  function together(calls: readonly Call[]): Outcome[] | undefined {
    incoming.clear();
    wrote = false;
    begin.run();
    try {
      const values = calls.map(run);
      flushAll();
      commit.run();
      held.keep();
      if (values.every((value) => value === undefined)) return undefined;
      return values.map((value) => ({ value }));
    } catch (error) {
      held.undo();
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  /** Slow, and rare: only so can a failure be laid at one call's door, a full disk's too. */
  function oneByOne(calls: readonly Call[]): Answer {
    const answer: Answer & { outcomes: Outcome[] } = { outcomes: [] };
    freeTheLog();
    for (const call of calls) {
      try {
        answer.outcomes.push(together([call])?.[0] ?? { value: undefined });
        if (wrote) answer.trouble = null;
      } catch (error) {
        const reason = reasonOf(error);
        answer.outcomes.push({ failed: reason });
        if (isOurs(error)) answer.trouble = reason;
      }
    }
    return answer;
  }

  /** On a full disk: what the log holds often has its room in the database, then it begins anew. */
  function freeTheLog(): void {
    try {
      checkpoint.run();
    } catch {
      // What is really wrong is told by the calls that come now.
    }
  }

  for (const { ring, rows } of index()) {
    held.set(
      ring,
      rows.map(({ position }) => position),
    );
  }
  held.keep();

  return {
    commit(calls) {
      try {
        const outcomes = together(calls);
        return { outcomes, trouble: wrote ? null : undefined };
      } catch {
        return oneByOne(calls);
      }
    },
  };
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message: string; code?: string };
  return code ? `the store cannot do it: ${message} (${code})` : message;
}

/** Whether the failure is the store's (disk, file) and not one of the values that it was given. */
function isOurs(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && !/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/.test(code);
}
