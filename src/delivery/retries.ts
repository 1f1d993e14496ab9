import type { Clock } from '../sockets/ports.ts';
import { isUnsaved, type Ring, type Row } from './ring-rows.ts';

export interface RetryPorts {
  clock: Clock;
  put(ring: Ring, rows: Row[]): void;
  drop(ring: Ring, rows: Row[]): unknown;
}

const retryMs = 500;

/** Rings of which the store refused something that nobody else will ask for again. */
export class Retries {
  private readonly unwell = new Set<Ring>();
  private isPlanned = false;

  constructor(private readonly ports: RetryPorts) {}

  add(ring: Ring): void {
    this.unwell.add(ring);
  }

  /** Whether there is any; acknowledged messages are counted. */
  owed(): { something: boolean; messages: number } {
    const rows = [...this.unwell].flatMap((ring) => ring.rows.filter(isUnsaved));
    return { something: this.unwell.size > 0, messages: rows.length };
  }

  later(): void {
    if (this.isPlanned || this.unwell.size === 0) return;
    this.isPlanned = true;
    this.ports.clock.after(retryMs, () => {
      this.isPlanned = false;
      this.now();
    });
  }

  now(): void {
    const rings = [...this.unwell];
    this.unwell.clear();
    for (const ring of rings) {
      // What is put again now would come after its deletion, and stay.
      if (ring.clearing > 0) {
        this.unwell.add(ring);
        continue;
      }
      const gone = ring.rows.filter((row) => row.gone);
      if (gone.length > 0) this.ports.drop(ring, gone);
      const unsaved = ring.rows.filter(isUnsaved);
      if (unsaved.length > 0) this.ports.put(ring, unsaved);
    }
    this.later();
  }
}
