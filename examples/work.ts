import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the caller of a task gets: an HTTP status and JSON. */
export interface Answer {
  status: number;
  body: unknown;
}

export interface WorkOptions {
  /** A wait before the job, as if it took long: to try out what happens then. */
  takeMs: number;
  /** Nobody waits for the answer any more. Hand it on to whatever takes long. */
  signal: AbortSignal;
}

/**
 * Does a job and prints a line about it: its id, its action, how long it took; never its payload,
 * which is a stranger's. Never rejects: a bad job is a 400, our own fault a 500.
 */
export async function work(id: string, payload: unknown, options: WorkOptions): Promise<Answer> {
  const { takeMs, signal } = options;
  const beganMs = performance.now();
  const line = (what: string) =>
    console.log(`${id} ${what} ${Math.round(performance.now() - beganMs)} ms`);
  try {
    const { action, text } = (payload ?? {}) as Record<string, unknown>;
    const job = jobs.get(action);
    if (!job || typeof text !== 'string') {
      line('refused');
      return { status: 400, body: { error: job ? 'text: a string' : 'action: hash or count' } };
    }
    if (takeMs > 0) await sleep(takeMs, undefined, { signal });
    const result = job(text);
    line(String(action));
    return { status: 200, body: { status: 'completed', result } };
  } catch (error) {
    line(signal.aborted ? 'cancelled' : 'failed');
    if (!signal.aborted) console.error(error);
    return { status: 500, body: { error: 'the job failed' } };
  }
}

/** Put yours here. */
const jobs = new Map<unknown, (text: string) => unknown>([
  ['hash', (text) => createHash('sha256').update(text).digest('hex')],
  [
    'count',
    (text) => ({
      words: countOf(text, /\S+/g),
      lines: countOf(text, /\n|[^\n]$/g), // the last one may lack its end
      characters: countOf(text, /[^]/gu),
    }),
  ],
]);

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  while (pattern.test(text)) count++;
  return count;
}
