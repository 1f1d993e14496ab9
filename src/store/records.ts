import type { Database } from 'bun:sqlite';
import type { StoredRecord } from './store.ts';

/**
 * The records of an open database. Everything happens in a transaction of `transactions.ts`; SQLite
 * makes the strings well-formed.
 */
export interface RecordTable {
  all(set: string): StoredRecord[];
  put(set: string, records: readonly StoredRecord[]): void;
  drop(set: string, keys: readonly string[]): void;
}

export function recordTable(db: Database): RecordTable {
  const all = db.prepare<StoredRecord, [string]>(
    'SELECT key, text FROM records WHERE "set" = ?1 ORDER BY key',
  );
  // SQLite would count the same text as a change and write nothing: no proof that there is room.
  const put = db.prepare(
    `INSERT INTO records ("set", key, text) VALUES (?1, ?2, ?3)
     ON CONFLICT DO UPDATE SET text = excluded.text WHERE text <> excluded.text`,
  );
  const remove = db.prepare('DELETE FROM records WHERE "set" = ?1 AND key = ?2');

  return {
    all: (set) => all.all(set),
    put(set, records) {
      for (const { key, text } of records) put.run(set, key, text);
    },
    drop(set, keys) {
      for (const key of keys) remove.run(set, key);
    },
  };
}
