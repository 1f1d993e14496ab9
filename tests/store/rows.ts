import type { RingRow, Store } from '../../src/store/store.ts';

/** More bytes than any ring has. */
export const unlimited = Number.MAX_SAFE_INTEGER;

/** A row whose text says its position, unless told otherwise. */
export function row(position: number, text = `text ${position}`, owner = 'a key'): RingRow {
  return { position, text, owner, bytes: Buffer.byteLength(text) };
}

/**
 * The message of a rejection. (`expect().rejects` pumps the event loop from where it stands; inside
 * a message of the store's thread the next one then never comes.)
 */
export function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
}

/** Positions in a ring, as `read` tells them. */
export async function positionsOf(store: Store, ring: string): Promise<number[]> {
  const rows = await store.rings.read(ring, 0, unlimited);
  return rows.map(({ position }) => position);
}
