import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopLag {
  /** How late the event loop was at most in the last second, in ms. */
  maxMs(): number;
  end(): void;
}

/** How often is looked, in ms: an idle server should sleep. What takes less may be overlooked. */
const resolution = 50;

/** Watches how late timers fire: long work in one turn shows here. */
export function watchEventLoop(): EventLoopLag {
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  let maxMs = 0;
  const timer = setInterval(() => {
    maxMs = delays.count === 0 ? 0 : delays.max / 1e6;
    delays.reset();
  }, 1000);
  timer.unref();
  return {
    maxMs: () => maxMs,
    end() {
      clearInterval(timer);
      delays.disable();
    },
  };
}
