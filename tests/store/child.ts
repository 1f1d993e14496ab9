/**
 * A process with a store, for tests that kill it: `bun child.ts FOLDER hold` says `open` and waits;
 * `write` puts rows, each with a record, for ever and says each position once both are
 * acknowledged; `once` puts one row, closes, and must end by itself.
 */
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { row } from './rows.ts';

const [folder = '', what] = process.argv.slice(2);
const store = await openSqliteStore({ folder });
process.stdout.write('open\n');

if (what === 'write') {
  // Several at a time, so that the kill finds a commit under way.
  for (let position = 1; ; position += 4) {
    const four = [position, position + 1, position + 2, position + 3];
    await Promise.all(
      four.flatMap((each) => [
        store.rings.put('r', [row(each)], 1_000_000),
        store.records.put('s', [{ key: `${each}`, text: `text ${each}` }]),
      ]),
    );
    process.stdout.write(`${four.join('\n')}\n`);
  }
} else if (what === 'once') {
  await store.rings.put('r', [row(1)], 8);
  await store.close();
}
