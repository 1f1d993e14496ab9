import type { Database } from 'bun:sqlite';
import { checkPut } from './check.ts';
import { type HeldRing, heldRows, placeAbove } from './held.ts';
import type { RingIndex, RingRow } from './store.ts';

/** Rows on their way into a ring, by position, and the newest it keeps of them. */
interface Incoming {
  rows: Map<number, RingRow>;
  rowsMax: number;
}

/**
 * The rings of an open database. Everything happens in a transaction of `transactions.ts`; names
 * are well-formed.
 */
export interface RingTable {
  put(ring: string, rows: readonly RingRow[], rowsMax: number): void;
  drop(ring: string, positions: readonly number[]): void;
  read(ring: string, after: number, bytesMax: number): RingRow[];
  index(): RingIndex[];
  /** Writes what was put: before the commit. */
  flush(): void;
  /** The transaction is committed. */
  keep(): void;
  /** The transaction failed. */
  undo(): void;
}

export function ringTable(db: Database): RingTable {
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

  /** What the transaction under way has still to put, by ring. */
  const incoming = new Map<string, Incoming>();
  const held = heldRows();
  let lastId = 0;

  /** Newest of newest is newest: puts add up until a larger rowsMax, a read or a drop comes. */
  function put(ring: string, rows: readonly RingRow[], rowsMax: number): void {
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
    return lastId;
  }

  function replaceRow(id: number, { position, owner, bytes, text }: RingRow): void {
    replace.run(id, position, owner, bytes, text);
  }

  function removeRows(ids: readonly number[]): void {
    for (const id of ids) remove.run(id);
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

  for (const { id, ring, position } of all.iterate()) {
    held.append(ring, position, id);
    lastId = Math.max(lastId, id);
  }
  held.keep();

  return {
    put,
    drop,
    read,
    index,
    flush: flushAll,
    keep: held.keep,
    undo() {
      incoming.clear();
      held.undo();
    },
  };
}
