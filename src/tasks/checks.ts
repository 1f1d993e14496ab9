import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Workers } from './workers.ts';
import type { Worker } from './worker.ts';

/** Checks that are under way at a time; the others wait for the next look. */
const atOnceMax = 64;

export interface ChecksPorts {
  clock: Clock;
  workers: Workers;
  /** Whether it says that it is well. */
  ask(worker: Worker): Promise<boolean>;
}

/** Asks every HTTP worker how it is, once in `intervalMs`. */
export class Checks {
  private readonly askedMs = new WeakMap<Worker, number>();
  private readonly lookMs: number;
  private underWay = 0;
  private stop: Cancel = () => {};

  constructor(
    private readonly ports: ChecksPorts,
    private readonly intervalMs: number,
  ) {
    this.lookMs = Math.max(10, Math.min(1000, intervalMs / 4));
  }

  begin(): void {
    this.stop = this.ports.clock.after(this.lookMs, () => {
      this.look();
      this.begin();
    });
  }

  end(): void {
    this.stop();
  }

  private look(): void {
    const { clock, workers } = this.ports;
    const nowMs = clock.now();
    for (const worker of workers.byId.values()) {
      if (this.underWay >= atOnceMax) return;
      if (worker.protocol !== 'http' || worker.isGone) continue;
      if (nowMs - (this.askedMs.get(worker) ?? -Infinity) < this.intervalMs) continue;
      this.askedMs.set(worker, nowMs);
      this.underWay += 1;
      void this.ports.ask(worker).then((isWell) => {
        this.underWay -= 1;
        workers.checked(worker, isWell);
      });
    }
  }
}
