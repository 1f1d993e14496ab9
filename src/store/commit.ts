import type { Answer, Call } from './calls.ts';

/** A line of calls that are committed in groups. */
export interface CommitLine {
  /**
   * Joins the line. What was submitted in one turn of the event loop, or while the commit before
   * was under way, is one batch; its calls settle together, in the order in which they came.
   */
  submit<Value>(call: Call): Promise<Value>;
  /** What became of the batch that was posted last. */
  settle(answer: Answer): void;
  /** Resolves when everything submitted so far has settled. */
  drained(): Promise<void>;
  /** Rejects every later call; what was submitted goes its way. */
  refuse(reason: string): void;
  /** Rejects every later call and all that has not settled: nobody commits any more. */
  end(reason: string): void;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** `post` gets one batch at a time, and no other before `settle` was called for it. */
export function commitLine(post: (calls: Call[]) => void): CommitLine {
  let calls: Call[] = [];
  let waiters: Waiter[] = [];
  let posted: Waiter[] | undefined;
  let planned = false;
  let last: Promise<unknown> = Promise.resolve();
  let refused: string | undefined;

  function plan(): void {
    if (planned || posted || calls.length === 0) return;
    planned = true;
    setImmediate(send);
  }

  function send(): void {
    planned = false;
    if (calls.length === 0) return;
    const batch = calls;
    posted = waiters;
    calls = [];
    waiters = [];
    post(batch);
  }

  return {
    submit<Value>(call: Call): Promise<Value> {
      if (refused !== undefined) return Promise.reject(new Error(refused));
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      calls.push(call);
      waiters.push({ resolve, reject });
      last = promise;
      plan();
      return promise as Promise<Value>;
    },

    settle({ outcomes }) {
      const settled = posted ?? [];
      posted = undefined;
      for (const [i, waiter] of settled.entries()) {
        const outcome = outcomes?.[i];
        if (!outcome) waiter.resolve(undefined);
        else if ('failed' in outcome) waiter.reject(new Error(outcome.failed));
        else waiter.resolve(outcome.value);
      }
      plan();
    },

    drained: () =>
      last.then(
        () => {},
        () => {},
      ),

    refuse(reason) {
      refused ??= reason;
    },

    end(reason) {
      refused ??= reason;
      for (const waiter of [...(posted ?? []), ...waiters]) waiter.reject(new Error(reason));
      posted = undefined;
      waiters = [];
      calls = [];
    },
  };
}
