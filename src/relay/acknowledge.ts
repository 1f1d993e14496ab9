import type { Refusal } from '../refusal.ts';
import type { Answers } from '../sockets/answers.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Lane } from '../delivery/lane.ts';
import { encodeAnswer, encodeRefusal } from './messages.ts';
import type { Seat } from './seat.ts';

/**
 * Queues a message and answers it, now or when its outcome is known. Apart from the live path, which
 * so allocates no closures.
 */
export function queueAndAnswer(
  to: Delivery,
  lane: Lane,
  text: string,
  { key, role }: Seat,
  answers: Answers,
  msgId: string,
): void {
  let ready: string | undefined;
  let answer = (early: string) => {
    ready = early;
  };
  const over = to.queue(lane, text, key.name, (outcome) => {
    answer(encodeAnswer(outcome, role!, msgId, outcome === 'failed' ? 'not stored' : undefined));
  });
  if (over !== undefined) answers.now(encodeAnswer('failed', role!, msgId, over));
  else if (ready !== undefined) answers.now(ready);
  else answer = answers.later();
}

export function refuseMessage(
  answers: Answers,
  refusal: Refusal,
  msgId?: string,
  detail?: string,
): void {
  answers.now(encodeRefusal(refusal, msgId, detail));
}
