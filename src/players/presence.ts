import type { Cancel, Clock, Topics } from '../sockets/ports.ts';
import { encodeChange, encodeList, type OnlineUser } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

const topics = { 1: 'players/list', 2: 'players/changes' } as const;

/** The list goes out this often at most. */
const listIntervalMs = 250;
/** And takes no more of the network than this. */
const listBytesPerMs = 20_000;

/**
 * Who is online. Those of protocol 1 get the whole list when it has changed, those of protocol 2
 * each change; either is one native publish.
 */
export class Presence {
  private readonly online = new Map<string, { user: OnlineUser; seat: PlayerSeat }>();
  private listed: string | undefined;
  private listedMs = -Infinity;
  private planned: Cancel | undefined;

  constructor(private readonly ports: { clock: Clock; topics: Topics }) {}

  get size(): number {
    return this.online.size;
  }

  seatOf(userId: string): PlayerSeat | undefined {
    return this.online.get(userId)?.seat;
  }

  userOf(userId: string): OnlineUser | undefined {
    return this.online.get(userId)?.user;
  }

  seats(): Iterable<PlayerSeat> {
    return Array.from(this.online.values(), ({ seat }) => seat);
  }

  /** The user is there, through this connection; it is told who is, too. */
  enter(seat: PlayerSeat, userName: string | undefined): void {
    const { userId } = seat;
    const known = this.online.get(userId)?.user;
    const user = { userId, ...(userName !== undefined && { userName }) };
    this.online.set(userId, { user, seat });
    if (known === undefined || known.userName !== userName) this.changed('user_joined', user);
    seat.peer.send(this.list());
    seat.peer.subscribe(topics[seat.protocol]);
  }

  /** The connection is no more. False if another has taken its place. */
  leave(seat: PlayerSeat): boolean {
    const known = this.online.get(seat.userId);
    if (known?.seat !== seat) return false;
    this.online.delete(seat.userId);
    this.changed('user_left', { userId: seat.userId });
    return true;
  }

  /** The list as a frame. */
  list(): string {
    return (this.listed ??= encodeList(Array.from(this.online.values(), ({ user }) => user)));
  }

  end(): void {
    this.planned?.();
  }

  private changed(how: 'user_joined' | 'user_left', user: OnlineUser): void {
    this.listed = undefined;
    this.ports.topics.publish(topics[2], encodeChange(how, user));
    if (this.planned !== undefined) return;
    const { clock } = this.ports;
    const waitMs = Math.max(0, this.listedMs + this.pauseMs() - clock.now());
    this.planned = clock.after(waitMs, () => {
      this.planned = undefined;
      this.listedMs = clock.now();
      this.ports.topics.publish(topics[1], this.list());
    });
  }

  /** A list for everybody costs its length times their number. */
  private pauseMs(): number {
    const bytes = this.online.size * 64; // close enough, and the list need not be made for it
    return Math.max(listIntervalMs, (bytes * this.online.size) / listBytesPerMs);
  }
}
