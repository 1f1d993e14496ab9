import type { Meter } from '../shown.ts';
import type { Rings } from './rings.ts';

/** What every owner of rings shows of them. */
export function ringMeters(rings: Rings): Meter[] {
  return [
    {
      name: 'queued_messages',
      help: 'Messages that wait in rings.',
      kind: 'gauge',
      read: () => rings.bounds.rows,
    },
    {
      name: 'queued_bytes',
      help: 'Bytes of the messages that wait in rings.',
      kind: 'gauge',
      read: () => rings.bounds.bytes,
    },
    {
      name: 'queued_max_bytes',
      help: 'How many bytes the messages that wait may have.',
      kind: 'gauge',
      read: () => rings.bounds.limits.bytesMax,
    },
  ];
}
