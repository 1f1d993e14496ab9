import type { RingRow, StoredRecord } from './store.ts';

/**
 * What goes to the store's thread: flat lists of strings and numbers, because copying a row as an
 * object between threads costs twice as much (1.2 µs against 0.55 µs).
 */
export type Call =
  | readonly ['put', ring: string, rowsMax: number, cells: readonly Cell[]]
  | readonly ['drop', ring: string, positions: readonly number[]]
  | readonly ['read', ring: string, after: number, bytesMax: number]
  | readonly ['index']
  | readonly ['putRecords', set: string, cells: readonly string[]]
  | readonly ['dropRecords', set: string, keys: readonly string[]]
  | readonly ['allRecords', set: string]
  /** Goes through a whole commit and changes nothing. */
  | readonly ['probe'];

export type Cell = string | number;

/** What became of a call; `failed` is the reason in words. */
export type Outcome = { value: unknown } | { failed: string };

/** What became of one batch. */
export interface Answer {
  /** One for each call, in order; absent when all succeeded and none has a value. */
  outcomes?: Outcome[];
  /** Why the last write failed, `null` when it worked, absent when the batch wrote nothing. */
  trouble?: string | null;
}

/** Four cells a row: position, text, owner, bytes. Copies, so the caller may reuse its rows. */
export function cellsOf(rows: readonly RingRow[]): Cell[] {
  const cells: Cell[] = [];
  for (const row of rows) cells.push(row.position, row.text, row.owner, row.bytes);
  return cells;
}

/** The inverse of `cellsOf`. */
export function rowsOf(cells: readonly Cell[]): RingRow[] {
  const rows: RingRow[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    const [position, text, owner, bytes] = cells.slice(at, at + 4);
    rows.push({ position, text, owner, bytes } as RingRow);
  }
  return rows;
}

/** Two cells a record: key, text. Copies, so the caller may reuse its records. */
export function recordCellsOf(records: readonly StoredRecord[]): string[] {
  const cells: string[] = [];
  for (const { key, text } of records) cells.push(key, text);
  return cells;
}

/** The inverse of `recordCellsOf`. */
export function recordsOf(cells: readonly string[]): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < cells.length; at += 2) {
    records.push({ key: cells[at]!, text: cells[at + 1]! });
  }
  return records;
}
