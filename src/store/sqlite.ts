import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cellsOf, recordCellsOf, type Answer } from './calls.ts';
import { commitLine } from './commit.ts';
import { databaseName, type StoreEvent } from './database.ts';
import { sizeOf } from './files.ts';
import { lockFolder } from './lock.ts';
import type { Store } from './store.ts';
import { startThread } from './thread.ts';

const probeIntervalMs = 1000;

/**
 * Opens the store in `folder`, which is made if it is not there. SQLite works in a thread of its
 * own, so the caller's event loop never waits for the disk. Rejects with StoreLocked, StoreTooNew,
 * or what the file system or SQLite said. `onEvent` hears `store.corrupt` (a file was moved aside),
 * `store.trouble`, `store.healed` and `store.ended` (its thread; only a restart helps); `onCommit` how
 * long each group took that wrote something, from leaving for the thread to the answer.
 */
export async function openSqliteStore(options: {
  folder: string;
  onEvent?: (event: StoreEvent) => void;
  onCommit?: (seconds: number) => void;
}): Promise<Store> {
  const { folder, onEvent = () => {}, onCommit = () => {} } = options;
  const path = join(folder, databaseName);
  let postedMs = 0;
  let trouble: string | undefined;
  let ended: string | undefined;
  let closing: Promise<void> | undefined;
  let probing: Timer | undefined;

  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  const line = commitLine((calls) => {
    postedMs = performance.now();
    thread.commit(calls);
  });
  const thread = await startThread(folder, {
    event: onEvent,
    answer(answer) {
      if (answer.trouble === null) onCommit((performance.now() - postedMs) / 1000);
      note(answer);
      line.settle(answer);
    },
    end(reason) {
      ended = reason;
      clearInterval(probing);
      onEvent({ level: 'error', event: 'store.ended', reason });
      line.end(reason);
    },
  }).catch((error) => {
    unlock();
    throw error;
  });

  function note(answer: Answer): void {
    if (answer.trouble === undefined) return;
    const before = trouble;
    trouble = answer.trouble ?? undefined;
    if (trouble !== undefined && before === undefined) {
      onEvent({ level: 'error', event: 'store.trouble', reason: trouble });
      // Without traffic nobody else would find out that there is room again.
      probing = setInterval(() => line.submit(['probe']).catch(() => {}), probeIntervalMs);
      probing.unref();
    } else if (trouble === undefined && before !== undefined) {
      clearInterval(probing);
      onEvent({ level: 'info', event: 'store.healed' });
    }
  }

  async function close(): Promise<void> {
    const drained = line.drained();
    line.refuse('the store is closed');
    await drained;
    clearInterval(probing);
    await thread.close();
    ended = 'the store is closed';
    unlock();
  }

  return {
    rings: {
      index: () => line.submit(['index']),
      put: (ring, rows, rowsMax) => line.submit(['put', ring, rowsMax, cellsOf(rows)]),
      read: (ring, after, bytesMax) => line.submit(['read', ring, after, bytesMax]),
      drop: (ring, positions) => line.submit(['drop', ring, [...positions]]),
    },
    records: {
      all: (set) => line.submit(['allRecords', set]),
      put: (set, records) => line.submit(['putRecords', set, recordCellsOf(records)]),
      drop: (set, keys) => line.submit(['dropRecords', set, [...keys]]),
    },
    bytes: () => sizeOf(path) + sizeOf(`${path}-wal`),
    trouble: () => ended ?? trouble,
    close: () => (closing ??= close()),
  };
}
