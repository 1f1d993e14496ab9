import type { Clock } from '../sockets/ports.ts';

/**
 * Times in RFC 3339, from the clock for deadlines: a message asks for one time only. All messages of
 * a millisecond share one text.
 */
export class Times {
  private offsetMs = 0;
  private ms = -1;
  private last = '';

  /** Compares the clocks; to be called every second or so, for people set theirs. */
  set(clock: Clock): void {
    this.offsetMs = clock.wallMs() - clock.now();
  }

  /** The time of day at `nowMs` of the clock for deadlines. */
  text(nowMs: number): string {
    const ms = Math.floor(nowMs + this.offsetMs);
    if (ms !== this.ms) {
      this.ms = ms;
      this.last = new Date(ms).toISOString();
    }
    return this.last;
  }
}
