import type { Answer, Call } from './calls.ts';
import type { StoreEvent } from './database.ts';
import { StoreTooNew } from './migrations.ts';
import type { FromWorker, ToWorker } from './worker.ts';

/** The thread in which SQLite works, with `moonstead.db` open. */
export interface StoreThread {
  /** `onAnswer` is called once for each batch, in their order. */
  commit(calls: Call[]): void;
  /** Closes the database and ends the thread; only when every batch was answered. */
  close(): Promise<void>;
}

/**
 * Rejects when the database does not open. `onEnd` is called with the reason if the thread ends by
 * itself: nothing is answered any more.
 */
export async function startThread(
  folder: string,
  on: {
    event(event: StoreEvent): void;
    answer(answer: Answer): void;
    end(reason: string): void;
  },
): Promise<StoreThread> {
  // In a compiled binary the main file and `store/` lie side by side.
  const path = Bun.isStandaloneExecutable ? './store/worker.ts' : './worker.ts';
  const worker = new Worker(new URL(path, import.meta.url));
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let over = false;

  const post = (message: ToWorker) => worker.postMessage(message);

  function stop(): void {
    over = true;
    worker.terminate();
  }

  function ended(how: string): void {
    if (over) return;
    stop();
    const reason = `the thread of the store ended: ${how}`;
    on.end(reason);
    opened.reject(new Error(reason));
    closed.resolve();
  }

  worker.onerror = ({ message }) => ended(message);
  worker.addEventListener('close', () => ended('nobody asked it to'));
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if ('opened' in data) {
      data.opened.forEach(on.event);
      opened.resolve();
    } else if ('refused' in data) {
      stop();
      opened.reject(data.tooNew ? new StoreTooNew(data.refused) : new Error(data.refused));
    } else if ('closed' in data) {
      stop();
      closed.resolve();
    } else {
      on.answer(data);
    }
  };

  post({ open: folder });
  await opened.promise;
  return {
    commit: post,
    close() {
      if (over) return Promise.resolve();
      post({ close: true });
      return closed.promise;
    },
  };
}
