import type { Cancel, Clock, Topics } from '../sockets/ports.ts';
import { encodeChange, encodeList, type OnlineUser } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

const topics = { 1: 'players/list', 2: 'players/changes' } as const;

/** The list goes out this often at most. */
const listIntervalMs = 250;
/** And takes no more of the network than this, in the long run. */
const listBytesPerMs = 20_000;

/** A user who is there. */
export interface Online {
  readonly user: OnlineUser;
  readonly seat: PlayerSeat;
  /** Grows with each connection, a takeover too. */
  readonly number: number;
  /** By the wall clock. */
  readonly connectedMs: number;
}

/**
 * Who is online. Those of protocol 1 get the whole list when it has changed, those of protocol 2
 * each change; either is one native publish.
 */
export class Presence {
  /** By user, in the order of their numbers. */
  private readonly online = new Map<string, Online>();
  private lastNumber = 0;
  private listed: string | undefined;
  /** Until then no list goes out. */
  private quietMs = -Infinity;
  private planned: Cancel | undefined;
  private hasEnded = false;

  constructor(private readonly ports: { clock: Clock; topics: Topics }) {}

  get size(): number {
    return this.online.size;
  }

  seatOf(userId: string): PlayerSeat | undefined {
    return this.online.get(userId)?.seat;
  }

  /** Everybody, in the order of their numbers. */
  all(): Iterable<Online> {
    return this.online.values();
  }

  /** A frame to everybody. */
  broadcast(text: string): void {
    for (const topic of Object.values(topics)) this.ports.topics.publish(topic, text);
  }

  /** The user is there, through this connection; it is told who is, too. */
  enter(seat: PlayerSeat, userName: string | undefined): void {
    const { userId } = seat;
    const known = this.online.get(userId)?.user;
    const user = { userId, ...(userName !== undefined && { userName }) };
    const number = (this.lastNumber += 1);
    // Else one that takes over would stand in the place of the older one.
    this.online.delete(userId);
    this.online.set(userId, { user, seat, number, connectedMs: this.ports.clock.wallMs() });
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

  /** From here on nobody is told of changes. */
  end(): void {
    this.hasEnded = true;
    this.planned?.();
  }

  private changed(how: 'user_joined' | 'user_left', user: OnlineUser): void {
    this.listed = undefined;
    if (this.hasEnded) return;
    this.ports.topics.publish(topics[2], encodeChange(how, user));
    if (this.planned !== undefined) return;
    const { clock, topics: publishing } = this.ports;
    this.planned = clock.after(Math.max(0, this.quietMs - clock.now()), () => {
      this.planned = undefined;
      const list = this.list();
      publishing.publish(topics[1], list);
      // A list for everybody costs its length times their number.
      const costMs = (list.length * this.online.size) / listBytesPerMs;
      this.quietMs = clock.now() + Math.max(listIntervalMs, costMs);
    });
  }
}
