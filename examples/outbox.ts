import type { Outgoing } from './frames.ts';

/**
 * What became of a message. `failed`: the relay could neither deliver nor queue it, many times;
 * `refused`: it does not take this message; `unsent`: the link ended before there was an answer.
 */
export type Outcome = 'completed' | 'queued' | 'failed' | 'refused' | 'unsent';

interface Entry {
  message: Outgoing;
  tries: number;
  settle: (outcome: Outcome) => void;
  completedAtMs: number;
}

/**
 * Messages on their way, oldest first. One is under way at a time: with two, the second could be
 * delivered while the first is answered `failed`, and a retry would invert them.
 *
 * `completed` means handed to the other side's socket, so a crash of the relay can still lose it.
 * What was completed in the last `doubtMs` is therefore kept (at most `doubtMax`), and goes out
 * once more when the connection breaks without a close frame; the other side drops the repeats.
 */
export function createOutbox(triesMax: number, doubtMs: number, doubtMax = 1_024) {
  let waiting: Entry[] = [];
  let inDoubt: Entry[] = [];

  function finish(outcome: Outcome): void {
    const entry = waiting.shift();
    if (!entry) return;
    entry.settle(outcome);
    if (outcome !== 'completed') return;
    entry.completedAtMs = performance.now();
    entry.tries = 0;
    inDoubt.push(entry);
    forget();
  }

  function forget(): void {
    const since = performance.now() - doubtMs;
    const first = inDoubt.findIndex((entry) => entry.completedAtMs >= since);
    inDoubt = first < 0 ? [] : inDoubt.slice(Math.max(first, inDoubt.length - doubtMax));
  }

  return {
    /** Resolves with what became of the message, however long that takes. */
    add(message: Outgoing): Promise<Outcome> {
      return new Promise((settle) => {
        waiting.push({ message, tries: 0, settle, completedAtMs: 0 });
      });
    },

    /** The message that is under way, or is to go next. */
    first: (): Outgoing | undefined => waiting[0]?.message,

    /** The relay's last word on the first message: the next one is first. */
    finish,

    /** The relay could not take the first message now. How often it has been tried, or 0: given up. */
    again(): number {
      const entry = waiting[0];
      if (!entry) return 0;
      entry.tries++;
      if (entry.tries < triesMax) return entry.tries;
      finish('failed');
      return 0;
    },

    /** The connection broke without a goodbye: what is in doubt goes out again, before the rest. */
    broken(): void {
      forget();
      waiting = [...inDoubt, ...waiting];
      inDoubt = [];
    },

    /** Nothing will be sent any more. */
    giveUp(): void {
      while (waiting.length > 0) finish('unsent');
    },
  };
}
