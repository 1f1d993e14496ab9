import { checkPut } from './check.ts';
import type { RingIndex, RingRow, RingStore } from './store.ts';

/** The rings of a store in memory; every call begins with `refuseWhenClosed`. */
export function memoryRings(refuseWhenClosed: () => void): RingStore {
  /** By well-formed ring name; each list by position, none empty. */
  const rings = new Map<string, RingRow[]>();

  function keep(ring: string, rows: RingRow[]): void {
    if (rows.length > 0) rings.set(ring, rows);
    else rings.delete(ring);
  }

  return {
    async index(): Promise<RingIndex[]> {
      refuseWhenClosed();
      return [...rings]
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map(([ring, rows]) => ({
          ring,
          rows: rows.map(({ position, owner, bytes }) => ({ position, owner, bytes })),
        }));
    },

    async put(ring, rows, rowsMax) {
      refuseWhenClosed();
      checkPut(rows, rowsMax);
      const name = ring.toWellFormed();
      const held = new Map((rings.get(name) ?? []).map((row) => [row.position, row]));
      for (const { position, text, owner, bytes } of rows) {
        const kept = { position, text: text.toWellFormed(), owner: owner.toWellFormed(), bytes };
        held.set(position, kept);
      }
      const all = [...held.values()].sort((a, b) => a.position - b.position);
      keep(name, all.slice(Math.max(0, all.length - rowsMax)));
    },

    async read(ring, after, bytesMax) {
      refuseWhenClosed();
      const found: RingRow[] = [];
      let bytes = 0;
      for (const row of rings.get(ring.toWellFormed()) ?? []) {
        if (row.position <= after) continue;
        bytes += row.bytes;
        if (found.length > 0 && bytes > bytesMax) break;
        found.push({ ...row });
      }
      return found;
    },

    async drop(ring, positions) {
      refuseWhenClosed();
      const name = ring.toWellFormed();
      const gone = new Set(positions);
      keep(
        name,
        (rings.get(name) ?? []).filter((row) => !gone.has(row.position)),
      );
    },
  };
}
