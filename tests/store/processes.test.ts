import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { StoreLocked } from '../../src/store/lock.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { positionsOf, row } from './rows.ts';
import { temporaryFolders } from './folders.ts';

const newFolder = temporaryFolders();

/** Starts child.ts; `until` resolves with its words so far, once they hold. */
function start(folder: string, what: string) {
  const script = join(import.meta.dir, 'child.ts');
  const child = Bun.spawn([process.execPath, script, folder, what], {
    stderr: what === 'once' ? 'ignore' : 'inherit',
  });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let said = '';
  async function until(holds: (said: string) => boolean): Promise<string> {
    while (!holds(said)) {
      const { value, done } = await reader.read();
      if (done) break;
      said += decoder.decode(value, { stream: true });
    }
    return said;
  }
  return { child, until };
}

async function kill({ child }: ReturnType<typeof start>): Promise<void> {
  child.kill('SIGKILL');
  await child.exited;
}

test('every row and record that was acknowledged survives kill -9', async () => {
  const folder = newFolder();
  const writer = start(folder, 'write');
  await writer.until((said) => said.split('\n').length > 400);
  await kill(writer);
  const said = await writer.until(() => false);
  const acknowledged = said.split('\n').slice(1, -1).map(Number);
  expect(acknowledged.length).toBeGreaterThanOrEqual(400);

  const store = await openSqliteStore({ folder });
  const kept = await store.rings.read('r', 0, Number.MAX_SAFE_INTEGER);
  // On top come at most four that were under way and four whose acknowledgement was not said.
  const found = kept.map(({ position }) => position);
  expect(found.slice(0, acknowledged.length)).toEqual(acknowledged);
  expect(found.length - acknowledged.length).toBeLessThanOrEqual(8);
  expect(kept).toEqual(found.map((position) => row(position)));
  const records = new Map((await store.records.all('s')).map(({ key, text }) => [key, text]));
  for (const position of acknowledged) {
    expect(records.get(`${position}`)).toBe(`text ${position}`);
  }
  await store.close();
});

test('a folder has one process; kill -9 frees it', async () => {
  const folder = newFolder();
  const holder = start(folder, 'hold');
  await holder.until((said) => said.includes('open'));
  const refused = await openSqliteStore({ folder }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreLocked);
  expect((refused as Error).message).toContain(folder);

  await kill(holder);
  const store = await openSqliteStore({ folder });
  await store.rings.put('r', [row(1)], 8);
  await store.close();
});

test('a folder has one store in a process, and the refused one leaves the lock alone', async () => {
  const folder = newFolder();
  const store = await openSqliteStore({ folder });
  const refused = await openSqliteStore({ folder }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreLocked);
  expect((refused as Error).message).toContain(folder);

  // POSIX gives every lock on a file back when the process closes any descriptor of it.
  const other = start(folder, 'once');
  expect(await other.child.exited).not.toBe(0);
  expect(await other.until(() => false)).toBe('');
  await store.rings.put('r', [row(1)], 8);
  await store.close();

  const again = await openSqliteStore({ folder });
  expect(await positionsOf(again, 'r')).toEqual([1]);
  await again.close();
});

test('a process ends by itself once its store is closed', async () => {
  const folder = newFolder();
  const { child } = start(folder, 'once');
  expect(await child.exited).toBe(0);
  const store = await openSqliteStore({ folder });
  expect(await positionsOf(store, 'r')).toEqual([1]);
  await store.close();
});
