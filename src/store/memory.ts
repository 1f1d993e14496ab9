import { memoryRecords } from './memory-records.ts';
import { memoryRings } from './memory-rings.ts';
import type { Store } from './store.ts';

/** A store that forgets everything with the process, for tests. Never in trouble until closed. */
export function memoryStore(): Store {
  let closed = false;

  function refuseWhenClosed(): void {
    if (closed) throw new Error('the store is closed');
  }

  return {
    rings: memoryRings(refuseWhenClosed),
    records: memoryRecords(refuseWhenClosed),
    bytes: () => 0,
    trouble: () => (closed ? 'the store is closed' : undefined),
    async close() {
      closed = true;
    },
  };
}
