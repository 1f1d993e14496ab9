import type { PlayersLimits } from '../../src/players/ports.ts';
import type { SeededRandom } from './random.ts';

const limits = {
  ringsMax: 10_000,
  ringBytesMax: 1 << 30,
  senderRingBytesMax: 1 << 30,
  receiptIntervalMs: 100,
  slowBytes: 1200,
  tooSlowBytes: 6000,
  reconnectGraceMs: 4000,
  handshakeTimeoutMs: 5000,
  pingIntervalMs: 3000,
  readDeadlineMs: 6000,
  slowTimeoutMs: 3000,
  rateLimit: 0,
} satisfies Partial<PlayersLimits>;

/** Limits of a world: the times are always the same, the bounds are narrow now and then. */
export function anyLimits(random: SeededRandom): PlayersLimits {
  return {
    ...limits,
    playersMax: random.pick([2, 4, 1000, 1000]),
    queueMax: random.pick([1, 2, 3, 8, 8]),
    awayRingsPerSender: random.pick([0, 1, 2, 100]),
    linksMax: random.pick([1, 2, 64]),
    channelsMax: random.pick([1, 2, 64]),
    unacknowledgedMax: random.pick([1, 4, 1024, 1024]),
    unreceiptedMax: random.chance(0.15) ? 600 : 1 << 30,
  };
}
