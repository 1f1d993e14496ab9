import { Deadlines, nowhere } from './deadlines.ts';
import { clock } from './clock.ts';

/** Why a body could not be read. `full`: too many are arriving; `gone`: its client left. */
export type BodyProblem = 'tooLarge' | 'full' | 'tooSlow' | 'notUtf8' | 'gone';

/** The same for people. */
export const bodyProblems: Record<BodyProblem, string> = {
  tooLarge: 'the body is too large',
  full: 'too many bodies are arriving',
  tooSlow: 'the body did not come in time',
  notUtf8: 'the body is not UTF-8',
  gone: 'the body did not come whole',
};

export interface BodyLimits {
  bytesMax: number;
  /** For the whole of it, so that a byte now and then does not hold a connection. */
  timeoutMs: number;
  /** Shared by all that may not take more than so many bytes together. */
  room?: BodyRoom;
}

/** Bytes of bodies that are arriving, and how many there may be. */
export interface BodyRoom {
  readonly bytesMax: number;
  bytes: number;
}

type Body = string | { problem: BodyProblem };

const deadlines = new Deadlines(clock);

/** The body of a request as text. Never keeps more than `bytesMax` of it. */
export function readText(request: Request, limits: BodyLimits): Promise<Body> {
  const { bytesMax, timeoutMs, room } = limits;
  const length = request.headers.get('content-length');
  if (Number(length) > bytesMax) return Promise.resolve({ problem: 'tooLarge' });
  const bytes = length === null ? bytesMax : Number(length);
  if (room !== undefined && room.bytes + bytes > room.bytesMax)
    return Promise.resolve({ problem: 'full' });
  const reading = length === null ? collect(request, bytesMax) : request.text();
  if (room !== undefined) room.bytes += bytes;
  return new Promise((resolve) => {
    const end = (body: Body) => {
      deadlines.delete(deadline);
      resolve(body);
    };
    const dueMs = clock.now() + timeoutMs;
    const deadline = { dueMs, place: nowhere, due: () => end({ problem: 'tooSlow' }) };
    deadlines.add(deadline);
    const arrived = (body: Body) => {
      // Also one that was given up: until now it went on arriving.
      if (room !== undefined) room.bytes -= bytes;
      end(body);
    };
    reading.then(
      (body) => arrived(length !== null && isDamaged(body, bytes) ? { problem: 'notUtf8' } : body),
      () => arrived({ problem: 'gone' }),
    );
  });
}

/** For a body that does not say how long it is. */
async function collect(request: Request, bytesMax: number): Promise<Body> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > bytesMax) return { problem: 'tooLarge' };
    parts.push(part);
  }
  try {
    return utf8.decode(Buffer.concat(parts));
  } catch {
    return { problem: 'notUtf8' };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Whether a body of so many bytes was not UTF-8: `text()` puts U+FFFD in place of what is not, and
 * that is longer (but for the first three bytes of four, which we let pass). To have it decoded by
 * us costs as much again as all else about the body.
 */
function isDamaged(body: Body, length: number): boolean {
  return typeof body === 'string' && body.includes('\uFFFD') && Buffer.byteLength(body) !== length;
}

/** Whether its `Content-Type` is `application/json`, with any parameters. */
export function isJsonRequest(headers: Headers): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(headers.get('content-type') ?? '');
}
