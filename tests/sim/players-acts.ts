import type { FileSide } from '../../src/players/ports.ts';
import type { PlayersObserver } from './players-observer.ts';
import type { SeededRandom } from './random.ts';

/** Users who never come while the world turns. */
export const nobodies = ['n1', 'n2', 'n3', 'n4'];

/** Where somebody connects from. */
export function addressOf(userId: string): string {
  return ['u1', 'u3'].includes(userId) ? '192.0.2.1' : '192.0.2.2';
}

/** Whatever a player may say. Messages to users are `m<serial>`, those to channels `c<serial>`. */
export function anyFrame(
  random: SeededRandom,
  people: readonly string[],
  serial: number,
  isAboutLinks: boolean,
): object | string {
  const targetUserId = random.pick([...people, random.pick(nobodies)]);
  const channel = random.pick(['a', 'b', 'c']);
  const data = { x: 'x'.repeat(random.pick([1, 40, 200])) };
  const what = isAboutLinks && random.chance(0.8) ? 0.63 + 0.24 * random.next() : random.next();
  if (what < 0.1)
    return { type: 'message', msg_id: `m${serial}`, targetUserId: random.pick(nobodies), data };
  if (what < 0.35) return { type: 'message', msg_id: `m${serial}`, targetUserId, data };
  if (what < 0.5) return { type: 'message', msg_id: `c${serial}`, channel, data };
  if (what < 0.6) return { type: 'join', channel };
  if (what < 0.63) return { type: 'leave', channel };
  if (what < 0.75) return { type: 'connect', targetUserId };
  if (what < 0.82) return { type: 'connect_accept', targetUserId };
  if (what < 0.86) return { type: 'connect_reject', targetUserId };
  if (what < 0.89) return { type: 'disconnect' };
  if (what < 0.93) return { type: 'list_online' };
  if (what < 0.96) return { type: 'ping' };
  return what < 0.98 ? 'not a frame' : { type: 'session_auth', token: 'x' };
}

/** How somebody tries to get in. */
export function anyAuth(random: SeededRandom, userId: string, token: string): object {
  return {
    type: 'session_auth',
    token: random.chance(0.05) ? 'bad' : token,
    userId: random.pick([undefined, undefined, undefined, userId, 'u1']),
    userName: random.pick([undefined, 'Ann', 'Bob']),
    protocol: random.pick([undefined, 1, 2, 2]),
  };
}

/** Files have a world of their own; here, who comes and goes must be told in order. */
export function filesAside(observer: PlayersObserver): FileSide {
  const there = new Map<string, unknown>();
  return {
    begin: async () => {},
    drain: async () => {},
    frame: () => observer.broke('a frame for files'),
    bytes: () => observer.broke('bytes for files'),
    drained: () => {},
    joined: (seat) => {
      if (there.has(seat.userId)) observer.broke(`files: ${seat.userId} has not left yet`);
      there.set(seat.userId, seat);
    },
    left: (seat) => {
      if (there.get(seat.userId) !== seat) observer.broke(`files: ${seat.userId} was not there`);
      there.delete(seat.userId);
    },
  };
}
