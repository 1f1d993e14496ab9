import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Handshake } from './messages.ts';
import type { Seat } from './seat.ts';

export type BotHandshake = Handshake & { type: 'bot' };

/** A bot that waits while we find out whether the one before it still lives. */
interface Contender {
  seat: Seat;
  handshake: BotHandshake;
  /** What it said meanwhile; undefined for a binary frame. */
  frames: (string | undefined)[];
  chars: number;
  giveUp: Cancel;
}

export interface OneBotPorts {
  clock: Clock;
  ping(seat: Seat): void;
  /** Seats a bot; it is the only one. */
  seat(seat: Seat, handshake: BotHandshake): void;
  frame(seat: Seat, text: string | undefined): void;
  /** Tells a bot that there is one already. */
  turnAway(seat: Seat): void;
  /** A waiting bot went past this bound. */
  flooded(seat: Seat, bound: string): void;
}

export interface OneBotLimits {
  botCheckTimeoutMs: number;
  waitingFramesMax: number;
  /** Characters of the frames that wait. */
  tooSlowBytes: number;
}

/**
 * There is one bot at a time. A second one makes us ask the first for a sign of life: with one it
 * is turned away, without one in time the first is ended and the second takes its place.
 */
export class OneBot {
  private bot: Seat | undefined;
  private sinceMs = 0;
  private contender: Contender | undefined;

  constructor(
    private readonly ports: OneBotPorts,
    private readonly limits: OneBotLimits,
  ) {}

  /** Who it is, and since when by the clock for deadlines; undefined: there is none. */
  get present(): { id: string; sinceMs: number } | undefined {
    return this.bot && { id: this.bot.id, sinceMs: this.sinceMs };
  }

  arrive(seat: Seat, handshake: BotHandshake): void {
    if (this.bot === undefined) {
      this.bot = seat;
      this.sinceMs = this.ports.clock.now();
      this.ports.seat(seat, handshake);
    } else if (this.contender !== undefined) {
      this.ports.turnAway(seat);
    } else {
      // When the first one ends, `left` lets the second in.
      const end = () => this.bot?.peer.terminate();
      const giveUp = this.ports.clock.after(this.limits.botCheckTimeoutMs, end);
      seat.state = 'waiting';
      this.contender = { seat, handshake, frames: [], chars: 0, giveUp };
      this.ports.ping(this.bot);
    }
  }

  /** A connection showed a sign of life. */
  lives(seat: Seat): void {
    if (seat !== this.bot || this.contender === undefined) return;
    const { seat: second } = this.contender;
    this.dropContender();
    this.ports.turnAway(second);
  }

  /** The waiting bot said something: it waits too. */
  keep(text: string | undefined): void {
    const { seat, frames } = this.contender!;
    this.contender!.chars += text?.length ?? 0;
    if (frames.length >= this.limits.waitingFramesMax)
      this.ports.flooded(seat, 'gateway.waiting_frames_max');
    else if (this.contender!.chars > this.limits.tooSlowBytes)
      this.ports.flooded(seat, 'gateway.too_slow_bytes');
    else frames.push(text);
  }

  /** A connection ended. */
  left(seat: Seat): void {
    if (this.contender?.seat === seat) this.dropContender();
    if (this.bot !== seat) return;
    this.bot = undefined;
    if (this.contender === undefined) return;
    const { seat: second, handshake, frames } = this.contender;
    this.dropContender();
    this.arrive(second, handshake);
    for (const text of frames) this.ports.frame(second, text);
  }

  /** A bot that waits is let in no more; it is closed with all others. */
  stop(): void {
    this.dropContender();
  }

  private dropContender(): void {
    this.contender?.giveUp();
    this.contender = undefined;
  }
}
