import type { RefusalName } from './figures.ts';
import { type SessionAnswer, sessionRefusals } from './messages.ts';

/** A refusal, thrown within the core and answered at its edge. */
export class Refused extends Error {
  constructor(
    readonly refusal: RefusalName,
    readonly answer: Extract<SessionAnswer, { refusal: unknown }>,
  ) {
    super(answer.refusal.message);
  }
}

export function refuse(refusal: RefusalName, waitMs?: number): never {
  const retryAfterS = waitMs === undefined ? {} : { retryAfterS: Math.ceil(waitMs / 1000) };
  throw new Refused(refusal, { refusal: sessionRefusals[refusal], ...retryAfterS });
}

/** What the store cannot do is refused. */
export async function stored<Value>(work: Promise<Value>): Promise<Value> {
  return work.catch(() => refuse('storeFailed', 5_000));
}
