import type { Clock } from './sockets/ports.ts';

/** The clock of this machine. */
export const clock: Clock = {
  now: () => performance.now(),
  wallMs: Date.now,
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  nextTurn: setImmediate,
};
