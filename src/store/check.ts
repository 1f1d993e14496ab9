import type { RingRow } from './store.ts';

/** Throws a RangeError that says which number of a `put` is not one. */
export function checkPut(rows: readonly RingRow[], rowsMax: number): void {
  if (!Number.isSafeInteger(rowsMax) || rowsMax < 0) {
    throw new RangeError(`rowsMax must be a safe integer, 0 or above: ${rowsMax}`);
  }
  for (const { position, bytes } of rows) {
    if (!Number.isSafeInteger(position) || position < 1) {
      throw new RangeError(`a position must be a safe integer above 0: ${position}`);
    }
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`bytes must be a safe integer, 0 or above: ${bytes}`);
    }
  }
}
