import type { Refusal } from '../refusal.ts';
import type { Answers } from '../sockets/answers.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Lane } from '../delivery/lane.ts';
import { encodeAnswer, encodeRefusal, Fault, type Message, relayRefusals } from './messages.ts';
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

/** Why a message is not taken. */
export interface No {
  refusal: Refusal;
  detail?: string;
}

/** Undefined: it is for this sender to send, and what it must be. */
export function whyNot(seat: Seat, message: Message | Fault): No | undefined {
  const { malformedMessage, forbidden } = relayRefusals;
  if (message instanceof Fault) return { refusal: malformedMessage, detail: message.detail };
  if (seat.role === 'mod' && message.serverId !== seat.id)
    return { refusal: malformedMessage, detail: 'id: the server_id of the handshake' };
  return seat.key.allows?.(message.channelId) === false
    ? { refusal: forbidden, detail: lacksChannel }
    : undefined;
}

export const lacksChannel = 'the key lacks this channel';

export function refuseMessage(
  answers: Answers,
  { refusal, detail }: No,
  msgId: string | undefined,
): void {
  answers.now(encodeRefusal(refusal, msgId, detail));
}
