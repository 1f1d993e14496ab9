import type { Database } from 'bun:sqlite';
import { rowsOf, type Answer, type Call, type Outcome } from './calls.ts';
import { checkPut } from './check.ts';
import { type HeldRing, heldRows, placeAbove } from './held.ts';
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
  const insert = db.prepare(
    'INSERT INTO ring_rows (id, ring, position, owner, bytes, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
  );
  const replace = db.prepare(
    'UPDATE ring_rows SET position = ?2, owner = ?3, bytes = ?4, text = ?5 WHERE id = ?1',
  );
  const remove = db.prepare('DELETE FROM ring_rows WHERE id = ?1');
  const byId = db.prepare<RingRow, [number]>(
    'SELECT position, text, owner, bytes FROM ring_rows WHERE id = ?1',
  );
  const all = db.prepare<Omit<RingRow, 'text'> & { id: number; ring: string }, []>(
    'SELECT id, ring, position, owner, bytes FROM ring_rows ORDER BY ring, position',
  );
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const probe = db.prepare(`PRAGMA user_version = ${schemaVersion}`);

  /** What the transaction under way has still to put, by ring. */
  const incoming = new Map<string, Incoming>();
  let wrote = false;
  const held = heldRows();
  let lastId = 0;

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
    const coming = [...entry.rows.values()].sort((a, b) => a.position - b.position);
    const before = held.of(ring);
    const isNewer = (coming[0]?.position ?? 0) > (before?.positions.at(-1) ?? 0);
    if (isNewer || before === undefined) append(ring, coming, entry.rowsMax);
    else merge(ring, before, coming, entry.rowsMax);
  }

  /** Nearly always: what comes is newer than what is there. */
  function append(ring: string, coming: readonly RingRow[], rowsMax: number): void {
    const { ids, first } = held.of(ring) ?? { ids: [], first: 0 };
    const count = ids.length - first;
    const excess = Math.max(0, count + coming.length - rowsMax);
    const out = Math.min(excess, count);
    const rows = coming.slice(excess - out);
    const outIds = ids.slice(first, first + out);
    if (out > 0) held.trim(ring, out);
    removeRows(outIds.slice(rows.length));
    // A new row takes the place of one that goes: half the pages, and it works on a full disk.
    for (const [i, row] of rows.entries()) {
      const id = outIds[i];
      if (id !== undefined) replaceRow(id, row);
      held.append(ring, row.position, id ?? insertRow(ring, row));
    }
  }

  function merge(
    ring: string,
    before: Readonly<HeldRing>,
    coming: readonly RingRow[],
    rowsMax: number,
  ): void {
    const rows = new Map<number, number | RingRow>();
    for (let i = before.first; i < before.ids.length; i++)
      rows.set(before.positions[i]!, before.ids[i]!);
    for (const row of coming) rows.set(row.position, row);
    const positions = [...rows.keys()].sort((a, b) => a - b);
    const kept = positions.slice(Math.max(0, positions.length - rowsMax));
    const stays = new Set(kept.map((position) => rows.get(position)));
    removeRows(before.ids.slice(before.first).filter((id) => !stays.has(id)));
    const ids = kept.map((position) => {
      const row = rows.get(position)!;
      return typeof row === 'number' ? row : insertRow(ring, row);
    });
    held.replace(ring, kept, ids);
  }

  function insertRow(ring: string, { position, owner, bytes, text }: RingRow): number {
    lastId += 1;
    insert.run(lastId, ring, position, owner, bytes, text);
    wrote = true;
    return lastId;
  }

  function replaceRow(id: number, { position, owner, bytes, text }: RingRow): void {
    replace.run(id, position, owner, bytes, text);
    wrote = true;
  }

  function removeRows(ids: readonly number[]): void {
    for (const id of ids) remove.run(id);
    wrote ||= ids.length > 0;
  }

  function flushAll(): void {
    for (const ring of incoming.keys()) flush(ring);
  }

  function drop(ring: string, positions: readonly number[]): void {
    flush(ring);
    const before = held.of(ring);
    if (before === undefined) return;
    const { first } = before;
    const gone = new Set<number>();
    for (const position of positions) {
      const at = placeAbove(before, position - 1);
      if (before.positions[at] === position) gone.add(at);
    }
    if (gone.size === 0) return;
    removeRows([...gone].map((at) => before.ids[at]!));
    // Nearly always the oldest: they are received in order.
    if ([...gone].every((at) => at < first + gone.size)) return held.trim(ring, gone.size);
    const stays = (_: number, at: number) => at >= first && !gone.has(at);
    held.replace(ring, before.positions.filter(stays), before.ids.filter(stays));
  }

  function read(ring: string, after: number, bytesMax: number): RingRow[] {
    flush(ring);
    const rows = held.of(ring);
    const found: RingRow[] = [];
    if (rows === undefined) return found;
    let bytes = 0;
    for (let at = placeAbove(rows, after); at < rows.ids.length; at++) {
      const row = byId.get(rows.ids[at]!)!;
      bytes += row.bytes;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(row);
    }
    return found;
  }

  function index(): RingIndex[] {
    flushAll();
    const rings: RingIndex[] = [];
    for (const { id: _, ring, ...row } of all.iterate()) {
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

  for (const { id, ring, position } of all.iterate()) {
    held.append(ring, position, id);
    lastId = Math.max(lastId, id);
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
