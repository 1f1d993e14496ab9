import type { Live } from './live.ts';
import type { Wish } from './live-reader.ts';

/** How soon Bun ends a connection that takes nothing, in s, rounded up to its own clock. */
const cutS = 1;

/**
 * The answer of `/live`. Undefined: there are too many readers. A reader that stalls is cut by ending
 * its connection, for closing the stream would wait until it has taken what the system holds.
 */
export function eventStream(
  live: Live,
  wish: Wish,
  request: Request,
  bearSilence: (request: Request, seconds: number) => void,
): Response | undefined {
  let wake: () => void = () => {};
  let hasEnded = false;
  const reader = live.open(wish, {
    ready: () => wake(),
    ended() {
      hasEnded = true;
      wake();
      // Whoever does not take the end must not hold up the stop.
      bearSilence(request, cutS);
    },
    cut: () => bearSilence(request, cutS),
  });
  if (reader === undefined) return undefined;
  bearSilence(request, 0);
  request.signal.addEventListener('abort', () => reader.leave());
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(stream) {
        for (;;) {
          const text = reader.take();
          if (text !== undefined) return stream.enqueue(encoder.encode(text));
          if (hasEnded) return stream.close();
          await new Promise<void>((resolve) => (wake = resolve));
        }
      },
      cancel: () => void reader.leave(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    },
  });
}
