import type { Clock } from '../../src/sockets/ports.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RecordStore, RingStore, Store } from '../../src/store/store.ts';
import type { SeededRandom } from './random.ts';

/**
 * A memory store behind a bad line: every call takes its time, in order, and writes and reads may
 * fail. `cut` is a crash: what was not carried out by then never will be.
 */
export class WeatheredStore {
  readonly inner = memoryStore();
  failing = 0;
  private line = { isCut: false, freeMs: 0 };

  constructor(
    private readonly clock: Clock,
    private readonly random: SeededRandom,
    private readonly delayMaxMs: number,
  ) {}

  cut(): void {
    this.line.isCut = true;
    this.line = { isCut: false, freeMs: 0 };
  }

  /** The store as one run of the program sees it. */
  connect(): Store {
    const { inner, line } = this;
    const later = <T>(call: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const now = this.clock.now();
        const atMs = Math.max(line.freeMs, now + this.random.next() * this.delayMaxMs);
        line.freeMs = atMs;
        this.clock.after(atMs - now, () => {
          if (line.isCut) return;
          if (this.random.chance(this.failing)) reject(new Error('bad weather'));
          else call().then(resolve, reject);
        });
      });
    const rings: RingStore = {
      index: () => inner.rings.index(),
      put: (ring, rows, rowsMax) => later(() => inner.rings.put(ring, rows, rowsMax)),
      read: (ring, after, bytesMax) => later(() => inner.rings.read(ring, after, bytesMax)),
      drop: (ring, positions) => later(() => inner.rings.drop(ring, positions)),
    };
    const records: RecordStore = {
      all: (set) => inner.records.all(set),
      put: (set, added) => later(() => inner.records.put(set, added)),
      drop: (set, keys) => later(() => inner.records.drop(set, keys)),
    };
    return { rings, records, trouble: () => undefined, bytes: () => 0, close: async () => {} };
  }
}
