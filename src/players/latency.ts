import type { Clock } from '../sockets/ports.ts';
import type { PlayerSeat } from './seat.ts';

/** Pings, and takes the time until its pong, unless that of an earlier ping is being taken. */
export function timePing(seat: PlayerSeat, ping: (seat: PlayerSeat) => void, clock: Clock): void {
  const { pingedMs } = seat;
  const before = seat.pingsOut?.at(-1);
  ping(seat);
  // What answers before it is in is not taken for a pong.
  if (seat.timedPing !== undefined || seat.state !== 'open') return;
  const number = seat.pingsOut!.at(-1)!;
  seat.timedPing = number;
  // A ping that asks for a receipt may have gone out with that number, and is answered first.
  seat.timedMs = number === before ? pingedMs : clock.now();
}

/** Call behind every pong: a pong also answers the pings before its own. */
export function timePong(seat: PlayerSeat, clock: Clock): void {
  const { timedPing, pingsOut } = seat;
  if (timedPing === undefined || (pingsOut?.[0] ?? Infinity) <= timedPing) return;
  seat.timedPing = undefined;
  seat.latencyMs = clock.now() - seat.timedMs;
}
