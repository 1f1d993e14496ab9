import type { Database } from 'bun:sqlite';
import type { Answer, Call } from './calls.ts';
import { openDatabase, type StoreEvent } from './database.ts';
import { StoreTooNew } from './migrations.ts';
import { transactions } from './transactions.ts';

/** What the store's thread is told: first `open`, then batches, at last `close`. */
export type ToWorker = { open: string } | { close: true } | Call[];

/** One for each message. */
export type FromWorker =
  { opened: StoreEvent[] } | { refused: string; tooNew: boolean } | { closed: true } | Answer;

declare const self: Worker;

let db: Database;
let commit: (calls: readonly Call[]) => Answer;

self.onmessage = ({ data }: MessageEvent<ToWorker>) => postMessage(answer(data));

function answer(message: ToWorker): FromWorker {
  if (Array.isArray(message)) return commit(message);
  if ('open' in message) return open(message.open);
  // The last connection checkpoints the log and removes it.
  db.close(true);
  return { closed: true };
}

function open(folder: string): FromWorker {
  const opened: StoreEvent[] = [];
  try {
    db = openDatabase(folder, (event) => opened.push(event));
    commit = transactions(db);
    return { opened };
  } catch (error) {
    const { message } = error as Error;
    return { refused: `${folder}: ${message}`, tooNew: error instanceof StoreTooNew };
  }
}
