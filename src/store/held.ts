/** What one ring holds: `positions[first]` is the lowest, and `ids` are the rows' numbers. */
export interface HeldRing {
  positions: number[];
  ids: number[];
  first: number;
}

/**
 * Which rows each ring holds. This process is the only writer, so it can know, and SQLite needs no
 * index: rows are appended to one table and found by number. (An index by ring and position made
 * each commit touch a page for every ring: 45 k rows a second instead of 215 k.)
 */
export interface Held {
  of(ring: string): Readonly<HeldRing> | undefined;
  /** A row above all others of its ring. */
  append(ring: string, position: number, id: number): void;
  /** The lowest `count` rows go. */
  trim(ring: string, count: number): void;
  /** All of the ring anew, lowest first. */
  replace(ring: string, positions: number[], ids: number[]): void;
  /** What was done since the last `keep` or `undo` stays. */
  keep(): void;
  /** What was done since the last `keep` or `undo` is as before. */
  undo(): void;
}

export function heldRows(): Held {
  const rings = new Map<string, HeldRing>();
  /** What the rings that were touched were like; arrays have only grown since, or are others. */
  const before = new Map<string, (HeldRing & { length: number }) | undefined>();

  function touch(ring: string): HeldRing | undefined {
    const held = rings.get(ring);
    if (!before.has(ring)) before.set(ring, held && { ...held, length: held.positions.length });
    return held;
  }

  return {
    of: (ring) => rings.get(ring),

    append(ring, position, id) {
      const held = touch(ring);
      if (held === undefined) {
        rings.set(ring, { positions: [position], ids: [id], first: 0 });
        return;
      }
      held.positions.push(position);
      held.ids.push(id);
    },

    trim(ring, count) {
      touch(ring)!.first += count;
    },

    replace(ring, positions, ids) {
      touch(ring);
      rings.set(ring, { positions, ids, first: 0 });
    },

    keep() {
      for (const ring of before.keys()) {
        const held = rings.get(ring)!;
        if (held.first === held.positions.length) rings.delete(ring);
        else if (held.first > held.positions.length / 2) {
          held.positions.splice(0, held.first);
          held.ids.splice(0, held.first);
          held.first = 0;
        }
      }
      before.clear();
    },

    undo() {
      for (const [ring, was] of before) {
        if (was === undefined) {
          rings.delete(ring);
          continue;
        }
        const { positions, ids, first, length } = was;
        positions.length = length;
        ids.length = length;
        rings.set(ring, { positions, ids, first });
      }
      before.clear();
    },
  };
}

/** Where the first position above `after` is. */
export function placeAbove({ positions, first }: Readonly<HeldRing>, after: number): number {
  let low = first;
  for (let high = positions.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (positions[middle]! > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
