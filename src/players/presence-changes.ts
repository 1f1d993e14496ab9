import type { Cancel, Clock } from '../sockets/ports.ts';
import { encodeChange, type OnlineUser } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

/** How much of the network changes take. */
export interface ChangesPace {
  /** In the long run. */
  bytesPerMs: number;
  /** At a time: so much goes out at once, so that small groups never wait. */
  burstBytes: number;
}

/** 20 MB a second; a megabyte is some 20,000 frames, which take about as many microseconds. */
export const changesPace: ChangesPace = { bytesPerMs: 20_000, burstBytes: 1_000_000 };

export interface ChangesPorts {
  clock: Clock;
  /** One frame to everybody who was let in. */
  publish(text: string): void;
  /** How many are online. */
  online(): number;
  /** Who is online, as a frame. */
  list(): string;
  /** Must send the list, and let it hear what is published from now on. */
  letIn(seat: PlayerSeat, list: string): void;
}

/** A user, as those who listen know it and as it is; undefined: not there. */
interface Change {
  told: OnlineUser | undefined;
  now: OnlineUser | undefined;
}

/** Changes that are on their way, and those who are let in behind them. */
interface Round {
  changes: Change[];
  /** Who was there when they were all. */
  list: string;
  seats: PlayerSeat[];
}

/**
 * Tells who comes and goes, each change by one frame to everybody. That costs its length times their
 * number, so that many changes wait, and what was undone meanwhile is told to nobody. Whoever comes
 * while some wait is let in behind them, with the list that they led to: it hears of no change that
 * its list has, and of none too few.
 */
export class Changes {
  /** By user, behind those of `round`. */
  private readonly pending = new Map<string, Change>();
  private readonly seats = new Set<PlayerSeat>();
  private round: Round | undefined;
  /** What was sent is paid for then. */
  private paidMs = -Infinity;
  private planned: Cancel | undefined;

  constructor(
    private readonly ports: ChangesPorts,
    private readonly pace: ChangesPace,
  ) {}

  /** The user was one, and is the other. */
  changed(was: OnlineUser | undefined, now: OnlineUser | undefined): void {
    const { userId } = (was ?? now)!;
    const { told } = this.pending.get(userId) ?? { told: was };
    if (isSame(told, now)) this.pending.delete(userId);
    else this.pending.set(userId, { told, now });
    this.goOn();
  }

  /** Sends it the list and lets it hear of changes, now or behind those that wait. */
  enter(seat: PlayerSeat): void {
    this.seats.add(seat);
    this.goOn();
  }

  /** It is not let in any more, if it waits. */
  leave(seat: PlayerSeat): void {
    this.seats.delete(seat);
  }

  /** From here on nobody is told anything. */
  end(): void {
    this.planned?.();
    this.planned = () => {};
  }

  private goOn(): void {
    if (this.planned !== undefined) return;
    const { clock } = this.ports;
    const { bytesPerMs, burstBytes } = this.pace;
    const nowMs = clock.now();
    for (;;) {
      this.round ??= this.nextRound();
      if (this.round === undefined) return;
      const waitMs = this.paidMs - nowMs;
      if (waitMs >= burstBytes / bytesPerMs) {
        this.planned = clock.after(waitMs, () => {
          this.planned = undefined;
          this.goOn();
        });
        return;
      }
      const bytes = this.step(this.round);
      this.paidMs = Math.max(this.paidMs, nowMs) + bytes / bytesPerMs;
    }
  }

  private nextRound(): Round | undefined {
    if (this.pending.size + this.seats.size === 0) return undefined;
    // They are taken from the end.
    const changes = [...this.pending.values()].reverse();
    const seats = [...this.seats].reverse();
    this.pending.clear();
    this.seats.clear();
    return { changes, list: seats.length > 0 ? this.ports.list() : '', seats };
  }

  /** One frame; how many bytes of the network that is. */
  private step(round: Round): number {
    const { publish, online, letIn } = this.ports;
    const change = round.changes.pop();
    if (change !== undefined) {
      const text = encodeChange(
        change.now === undefined ? 'user_left' : 'user_joined',
        change.now ?? { userId: change.told!.userId },
      );
      publish(text);
      return Buffer.byteLength(text) * online();
    }
    const seat = round.seats.pop();
    if (round.seats.length === 0) this.round = undefined;
    if (seat?.state !== 'open') return 0;
    letIn(seat, round.list);
    return round.list.length;
  }
}

/** The same user under the same name, or nobody. */
export function isSame(one: OnlineUser | undefined, other: OnlineUser | undefined): boolean {
  return one?.userId === other?.userId && one?.userName === other?.userName;
}
