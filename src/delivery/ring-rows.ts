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
