import { useEffect, useState } from 'preact/hooks';
import { ApiError, keyWanted } from './api.ts';
import { useCell } from './cell.ts';
import { connection } from './feed.ts';

export interface Polled<Value> {
  value: Value | undefined;
  /** Why the newest try failed; the value is from before. */
  trouble: string | undefined;
}

/** A long list is asked for less often: so much of the time is for other things. */
const restFactor = 4;

/** The newest answers by name: who comes back to a view sees at once what it showed. */
const newest = new Map<string, unknown>();

/**
 * Asks every so often while the page is seen and has the key that it needs; at once when the server is
 * back.
 */
export function usePolled<Value>(
  name: string,
  everyMs: number,
  get: (signal: AbortSignal) => Promise<Value>,
): Polled<Value> {
  const [polled, setPolled] = useState<Polled<Value>>(() => ({
    value: newest.get(name) as Value | undefined,
    trouble: undefined,
  }));
  const isLost = useCell(connection).state === 'lost';
  const needsKey = useCell(keyWanted) !== undefined;
  useEffect(() => {
    if (needsKey) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    async function poll(): Promise<void> {
      const beginMs = performance.now();
      if (!document.hidden) {
        try {
          const value = await get(ending.signal);
          if (ending.signal.aborted) return;
          newest.set(name, value);
          setPolled({ value, trouble: undefined });
        } catch (error) {
          if (ending.signal.aborted) return;
          const trouble = error instanceof ApiError ? error.message : String(error);
          setPolled(({ value }) => ({ value, trouble }));
        }
      }
      const restMs = restFactor * (performance.now() - beginMs);
      if (!ending.signal.aborted) timer = setTimeout(poll, Math.max(everyMs, restMs));
    }
    const seen = () => {
      if (document.hidden) return;
      clearTimeout(timer);
      timer = setTimeout(poll);
    };
    void poll();
    document.addEventListener('visibilitychange', seen);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      ending.abort();
      clearTimeout(timer);
    };
  }, [isLost, needsKey, everyMs]);
  return polled;
}
