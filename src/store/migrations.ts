import type { Database } from 'bun:sqlite';

/** Number n of this list takes a file from version n to n + 1. Never change one that was released. */
const migrations = [
  // Rows are appended and found by number: `held.ts` says why there is no key by ring and position.
  // The text comes last, so `index` walks past it without reading its pages.
  `CREATE TABLE ring_rows (
    id INTEGER PRIMARY KEY,
    ring TEXT NOT NULL,
    position INTEGER NOT NULL,
    owner TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL
  ) STRICT`,
  `CREATE TABLE records (
    "set" TEXT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY ("set", key)
  ) STRICT, WITHOUT ROWID`,
];

/** The version of the schema that this program writes. */
export const schemaVersion = migrations.length;

/** The file was written by a newer Moonstead; it was left as it is. */
export class StoreTooNew extends Error {
  override name = 'StoreTooNew';
}

/** Brings the file to `schemaVersion`, each step in a transaction of its own. */
export function migrate(db: Database): void {
  const found = versionOf(db);
  if (found > schemaVersion) {
    throw new StoreTooNew(
      `${db.filename} has schema version ${found}, this program knows ${schemaVersion}: ` +
        'start the Moonstead that wrote it, or a newer one',
    );
  }
  for (const [version, sql] of migrations.entries()) {
    if (version < found) continue;
    db.transaction(() => {
      db.run(sql);
      db.run(`PRAGMA user_version = ${version + 1}`);
    })();
  }
}

function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0;
}
