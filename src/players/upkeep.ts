import type { Cancel } from '../sockets/ports.ts';
import { timePing } from './latency.ts';
import { overdue, sweepIntervalMs } from './pace.ts';
import type { PlayersLimits, PlayersPorts } from './ports.ts';
import type { Refusing } from './refusing.ts';
import type { PlayerSeat } from './seat.ts';

export interface UpkeepPorts extends Pick<PlayersPorts, 'clock'> {
  seats: ReadonlySet<PlayerSeat>;
  refusing: Refusing;
  ping(seat: PlayerSeat): void;
  /** Looks whether it keeps up. */
  measure(seat: PlayerSeat): void;
  /** Called each time before anything else. */
  begins(): void;
}

/** Looks at all connections, again and again: pings them, and ends those that missed a deadline. */
export class Upkeep {
  private cancel: Cancel = () => {};

  constructor(
    private readonly ports: UpkeepPorts,
    private readonly limits: PlayersLimits,
  ) {}

  begin(): void {
    this.ports.begins();
    this.cancel = this.ports.clock.after(sweepIntervalMs(this.limits), () => {
      this.begin();
      const nowMs = this.ports.clock.now();
      for (const seat of [...this.ports.seats]) this.look(seat, nowMs);
    });
  }

  end(): void {
    this.cancel();
  }

  private look(seat: PlayerSeat, nowMs: number): void {
    const { refusing, clock, ping, measure } = this.ports;
    const what = overdue(seat, nowMs, this.limits);
    if (what === 'handshake') refusing.auth(seat, 'handshakeTimeout');
    else if (what === 'silent') seat.peer.terminate();
    else if (what === 'slow') refusing.tooSlow(seat, 'players.slow_timeout');
    else {
      if (what === 'ping') timePing(seat, ping, clock);
      // Lists and files fill a socket too, and nobody else looks at that.
      measure(seat);
    }
  }
}
