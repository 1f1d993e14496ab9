import type { RecordStore } from './store.ts';

/** The records of a store in memory; every call begins with `refuseWhenClosed`. */
export function memoryRecords(refuseWhenClosed: () => void): RecordStore {
  /** Texts by key in sets by name, all strings well-formed. */
  const sets = new Map<string, Map<string, string>>();

  function setOf(name: string): Map<string, string> {
    return sets.getOrInsertComputed(name.toWellFormed(), () => new Map());
  }

  return {
    async all(set) {
      refuseWhenClosed();
      return [...setOf(set)]
        .map(([key, text]) => ({ key, text }))
        .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    },

    async put(set, records) {
      refuseWhenClosed();
      const held = setOf(set);
      for (const { key, text } of records) held.set(key.toWellFormed(), text.toWellFormed());
    },

    async drop(set, keys) {
      refuseWhenClosed();
      const held = setOf(set);
      for (const key of keys) held.delete(key.toWellFormed());
    },
  };
}
