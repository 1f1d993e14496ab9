import type { Peer } from './ports.ts';

/**
 * Signs of life of one connection, and the numbers of the pings it has not answered. A ping's
 * number says how much was sent before it, so its pong is a receipt for all of that.
 */
export interface Pulse {
  /** When it last showed a pong or data, in ms. */
  seenMs: number;
  /** When it was last pinged, in ms. */
  pingedMs: number;
  /** Numbers of the pings that are out, ascending; undefined before the first. */
  pingsOut: number[] | undefined;
}

/** A peer that answers none of this many pings loses the oldest: the newest stands for all. */
const numbersMax = 1024;

/** Pings with `number`, unless that number is out already. */
export function sendPing(peer: Peer, pulse: Pulse, number: number, nowMs: number): void {
  pulse.pingedMs = nowMs;
  const out = (pulse.pingsOut ??= []);
  if (out.at(-1) !== number) out.push(number);
  if (out.length > numbersMax) out.shift();
  peer.ping(String(number));
}

/**
 * The number that a pong confirms, with every one before it (RFC 6455, 5.5.3: a client may answer
 * only the newest ping). Undefined for a pong that answers no ping of this connection.
 */
export function takePong(pulse: Pulse, payload: string): number | undefined {
  const number = Number(payload);
  const out = pulse.pingsOut;
  const at = out?.indexOf(number) ?? -1;
  if (out === undefined || at < 0 || String(number) !== payload) return undefined;
  out.splice(0, at + 1);
  return number;
}
