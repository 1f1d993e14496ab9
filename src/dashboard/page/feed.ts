import { ApiError, ask, keyWanted } from './api.ts';
import { cell } from './cell.ts';

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** The server is there, and wants a key. */
  | { state: 'locked' }
  | { state: 'lost'; sinceMs: number; why: string };

/** How it stands with the live feed. */
export const connection = cell<Connection>({ state: 'connecting' });

export interface FeedEvent {
  id: string;
  topic: string;
  data: string;
}

/** An id alone is no event; it says up to where nothing was missed. */
interface Frame {
  id: string;
  topic: string | undefined;
  data: string;
}

/** The server says something each second; this long without a word, and the connection is gone. */
const silentMs = 6_000;
const waitMs = { first: 500, most: 5_000 };

/**
 * Reads the live feed for ever, and comes back when it was lost. `begun` is called for each connection,
 * before `hear`: whatever was kept from before may be out of date.
 */
export async function follow(begun: () => void, hear: (event: FeedEvent) => void): Promise<never> {
  let lastId: string | undefined;
  let nextWaitMs = waitMs.first;
  for (;;) {
    try {
      const frames = await open(lastId);
      connection.set({ state: 'live' });
      begun();
      await frames.read(({ id, topic, data }) => {
        if (id !== '') lastId = id;
        if (topic === undefined) return;
        nextWaitMs = waitMs.first;
        hear({ id, topic, data });
      });
      lost('It ended the connection.');
    } catch (error) {
      const answer = error instanceof ApiError && error.status !== 0 ? error : undefined;
      if (answer?.status === 401) connection.set({ state: 'locked' });
      else lost(answer?.message ?? 'It does not answer.');
    }
    await newKeyOr(nextWaitMs);
    nextWaitMs = Math.min(waitMs.most, nextWaitMs * 2);
  }
}

function lost(why: string): void {
  const before = connection.get();
  const sinceMs = before.state === 'lost' ? before.sinceMs : Date.now();
  connection.set({ state: 'lost', sinceMs, why });
}

/** Waits; while a key is wanted, until there is one. */
function newKeyOr(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (keyWanted.get() === undefined) return void setTimeout(resolve, ms);
    const stop = keyWanted.follow(() => {
      if (keyWanted.get() !== undefined) return;
      stop();
      resolve();
    });
  });
}

/** A connection that the server has taken. */
async function open(lastId: string | undefined) {
  const ending = new AbortController();
  let silence = setTimeout(() => ending.abort(), silentMs);
  const headers: Record<string, string> = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
  const asked = ask('/live?topics=log,stats', { headers, signal: ending.signal });
  const response = await asked.finally(() => clearTimeout(silence));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();

  /** Until it ends; rejects when it breaks, or is silent for too long. */
  async function read(hear: (frame: Frame) => void): Promise<void> {
    let text = '';
    try {
      for (;;) {
        silence = setTimeout(() => ending.abort(), silentMs);
        const { value, done } = await reader.read().finally(() => clearTimeout(silence));
        if (done) return;
        const frames = (text + value).split('\n\n');
        text = frames.pop()!;
        for (const frame of frames) hear(frameIn(frame));
      }
    } finally {
      ending.abort();
    }
  }
  return { read };
}

/** One frame as our server writes it: each field once, on one line. */
function frameIn(text: string): Frame {
  const field = (name: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  return { id: field('id') ?? '', topic: field('event'), data: field('data') ?? '' };
}
