import type { RingRow } from '../store/store.ts';

/** `queued` is committed, `completed` was handed to a recipient before that, `failed` is neither. */
export type Outcome = 'completed' | 'queued' | 'failed';
export type Settle = (outcome: Outcome) => void;

/** A message that waits. `position` is its number in the order of all messages. */
export interface Row {
  readonly position: number;
  readonly owner: string;
  readonly bytes: number;
  /** Kept until the store has it. */
  text: string | undefined;
  /** In the store, as far as we know. */
  stored: boolean;
  /** Received or pushed out: only its deletion is still to come. */
  gone: boolean;
  /** Must be put until it is in: nobody waits for an answer that could say `failed`. */
  mustKeep: boolean;
  /** The connections that were sent it and may still give a receipt; a newcomer is not sent it. */
  holders: readonly object[];
  /** On its way to the store. */
  flying: boolean;
  /** Told once what became of it. */
  settle: Settle | undefined;
}

export interface Ring {
  readonly name: string;
  /** By position; the ones that are gone stay until the store has let go of them. */
  readonly rows: Row[];
  /** How many of them are in the store, and how many are gone. */
  stored: number;
  gone: number;
  /** How often the store was asked to let go of all that waits, and has not said yet. */
  clearing: number;
}

export interface RingsTold {
  /** A ring became empty and forgets itself. */
  emptied(ring: string): void;
  /** A ring holds a message more (1) or less (-1) of this owner. */
  counted?(ring: string, owner: string, by: 1 | -1): void;
}

/** A message that was sent and not received. */
export interface Unreceived {
  position: number;
  text: string;
  owner: string;
}

/** It must be kept, and the store has not got it. */
export function isUnsaved(row: Row): boolean {
  return row.mustKeep && !row.stored && !row.gone && !row.flying;
}

export function settleRow(row: Row, outcome: Outcome): void {
  const { settle } = row;
  row.settle = undefined;
  settle?.(outcome);
}

/** Index of the first row above a position. */
export function indexAbove(rows: readonly Row[], position: number): number {
  let low = 0;
  for (let high = rows.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The row at a position, if it is not gone. */
export function rowAt(rows: readonly Row[], position: number): Row | undefined {
  const row = rows[indexAbove(rows, position - 1)];
  return row?.position === position && !row.gone ? row : undefined;
}

/** The first row above a position that nobody has been sent. */
export function nextRow(rows: readonly Row[], after: number): Row | undefined {
  for (let i = indexAbove(rows, after); i < rows.length; i++)
    if (!rows[i]!.gone && rows[i]!.holders.length === 0) return rows[i];
  return undefined;
}

/** All but the newest `count`. */
export function oldestPast(rows: readonly Row[], count: number): Row[] {
  return rows.slice(0, Math.max(0, rows.length - count));
}

/** How many messages of a ring wait, or were sent and are not confirmed. */
export function waitingIn(ring: Ring | undefined): number {
  return ring === undefined ? 0 : ring.rows.length - ring.gone;
}

/** It waits, and whoever sent it was told what became of it. */
export function isAcknowledged({ gone, settle }: Row): boolean {
  return !gone && settle === undefined;
}

/** A copy: the row may change before the store has looked at it. */
export function toStore({ position, owner, bytes, text }: Row): RingRow {
  return { position, owner, bytes, text: text! };
}

/** Nobody has been sent it. */
export const nobody: readonly object[] = [];

const blank = {
  text: undefined,
  stored: false,
  gone: false,
  mustKeep: false,
  holders: nobody,
  flying: false,
  settle: undefined,
};

export function newRow(
  known: Pick<Row, 'position' | 'owner' | 'bytes'> & Partial<Pick<Row, 'text' | 'settle'>>,
): Row {
  return { ...blank, ...known };
}
