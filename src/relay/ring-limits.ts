import type { RingLimits } from '../delivery/ring-bounds.ts';
import type { RelayLimits } from './seat.ts';

/** The bounds of the rings, and what each is called in the settings. */
export function ringLimits(limits: RelayLimits): RingLimits {
  return {
    rowsMax: limits.queueMax,
    ringsMax: limits.ringsMax,
    bytesMax: limits.ringBytesMax,
    ownerBytesMax: limits.keyRingBytesMax,
    settings: {
      rowsMax: 'gateway.queue_max',
      ringsMax: 'gateway.rings_max',
      bytesMax: 'gateway.ring_bytes_max',
      ownerBytesMax: 'gateway.key_ring_bytes_max',
    },
  };
}
