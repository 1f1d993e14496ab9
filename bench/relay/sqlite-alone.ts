/**
 * The control of queueing: the least SQLite can do, rows of a chat message's size appended to one
 * table with no further key, 100 a transaction, committed with an fsync. (A unique key over ring and
 * position halves its rate, a table without rowids sorted by that key has a quarter of it.)
 * Arguments: a folder, milliseconds. Prints rows a second.
 */
import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { dialects } from './dialects.ts';

const folder = process.argv[2]!;
const durationMs = Number(process.argv[3]);
const ids = { serverId: 'bench-server-000000', channelId: 'quiet-123456789' };
const text = dialects.relay.message('mod', ids, 0);

const db = new Database(join(folder, 'alone.sqlite'));
db.run('PRAGMA journal_mode = WAL');
db.run('PRAGMA synchronous = FULL');
db.run('CREATE TABLE rows (ring TEXT, position INTEGER, owner TEXT, bytes INTEGER, text TEXT)');
const insert = db.prepare('INSERT INTO rows VALUES (?, ?, ?, ?, ?)');
let rows = 0;
const batch = db.transaction(() => {
  for (let n = 0; n < 100; n++) {
    insert.run(`quiet-${1_000_000 + (rows & 63)}`, rows, 'default', text.length, text);
    rows++;
  }
});

const start = performance.now();
while (performance.now() < start + durationMs) batch();
console.log((rows / (performance.now() - start)) * 1000);
db.close();
