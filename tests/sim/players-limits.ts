import type { PlayersLimits } from '../../src/players/ports.ts';
import { changesPace } from '../../src/players/presence-changes.ts';
import type { SeededRandom } from './random.ts';

const limits = {
  ringsMax: 10_000,
  receiptIntervalMs: 100,
  slowBytes: 1200,
  tooSlowBytes: 6000,
  reconnectGraceMs: 4000,
  handshakeTimeoutMs: 5000,
  pingIntervalMs: 3000,
  readDeadlineMs: 6000,
  slowTimeoutMs: 3000,
  rateLimit: 0,
  changesPace,
} satisfies Partial<PlayersLimits>;

/** No message from user to user of these worlds has more. */
const messageBytesMax = 350;

/** Limits of a world: the times are always the same, the bounds are narrow now and then. */
export function anyLimits(random: SeededRandom): PlayersLimits {
  const unreceiptedMax = random.chance(0.15) ? 600 : 1 << 30;
  const bytesMax = random.chance(0.25)
    ? {
        ringBytesMax: random.pick([400, 2000]),
        senderRingBytesMax: random.pick([400, 600, 2000]),
        unreceiptedMax: random.pick([200, 1200, unreceiptedMax]),
      }
    : { ringBytesMax: 1 << 30, senderRingBytesMax: 1 << 30, unreceiptedMax };
  return {
    ...limits,
    ...bytesMax,
    playersMax: random.pick([2, 4, 1000, 1000]),
    queueMax: random.pick([1, 2, 3, 8, 8]),
    awayRingsPerSender: random.pick([0, 1, 2, 100]),
    awayRingsPerAddress: random.pick([1, 2, 3, 1000, 1000, 1000]),
    linksMax: random.pick([1, 2, 64]),
    channelsMax: random.pick([1, 2, 64]),
    unacknowledgedMax: random.pick([1, 4, 1024, 1024]),
  };
}

/** What joins the rings may pass their bounds, by what may be without receipt and no more. */
export function allRingBytesMax({ ringBytesMax, unreceiptedMax }: PlayersLimits): number {
  return ringBytesMax + unreceiptedMax + messageBytesMax;
}
