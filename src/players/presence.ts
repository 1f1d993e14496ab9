import type { Cancel, Clock, Topics } from '../sockets/ports.ts';
import { encodeList, type OnlineUser } from './messages.ts';
import { Changes, type ChangesPace, isSame } from './presence-changes.ts';
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
 * each change; either is one native publish, and no more of them than the network bears.
 */
export class Presence {
  /** By user, in the order of their numbers. */
  private readonly online = new Map<string, Online>();
  private readonly changes: Changes;
  private lastNumber = 0;
  private listed: string | undefined;
  /** Until then no list goes out. */
  private quietMs = -Infinity;
  private planned: Cancel | undefined;
  private hasEnded = false;

  constructor(
    private readonly ports: { clock: Clock; topics: Topics },
    pace: ChangesPace,
  ) {
    this.changes = new Changes(
      {
        clock: ports.clock,
        publish: (text) => ports.topics.publish(topics[2], text),
        online: () => this.online.size,
        list: () => this.list(),
        letIn: ({ peer }, list) => {
          peer.send(list);
          peer.subscribe(topics[2]);
        },
      },
      pace,
    );
  }

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

  allOf(userId: string): Iterable<Online> {
    const one = this.online.get(userId);
    return one === undefined ? [] : [one];
  }

  /** A frame to everybody. */
  broadcast(text: string): void {
    for (const topic of Object.values(topics)) this.ports.topics.publish(topic, text);
  }

  /**
   * The user is there, through this connection; it is told who is, too: one of protocol 2 only when
   * all changes before it have gone out, for it hears of those behind them.
   */
  enter(seat: PlayerSeat, userName: string | undefined): void {
    const { userId } = seat;
    const known = this.online.get(userId)?.user;
    const user = { userId, ...(userName !== undefined && { userName }) };
    const number = (this.lastNumber += 1);
    // Else one that takes over would stand in the place of the older one.
    this.online.delete(userId);
    this.online.set(userId, { user, seat, number, connectedMs: this.ports.clock.wallMs() });
    this.changed(known, user);
    if (seat.protocol === 2) return this.changes.enter(seat);
    seat.peer.send(this.list());
    seat.peer.subscribe(topics[1]);
  }

  /** The connection is no more. False if another has taken its place. */
  leave(seat: PlayerSeat): boolean {
    const known = this.online.get(seat.userId);
    this.changes.leave(seat);
    if (known?.seat !== seat) return false;
    this.online.delete(seat.userId);
    this.changed(known.user, undefined);
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
    this.changes.end();
  }

  private changed(was: OnlineUser | undefined, now: OnlineUser | undefined): void {
    if (isSame(was, now)) return;
    this.listed = undefined;
    if (this.hasEnded) return;
    this.changes.changed(was, now);
    if (this.planned !== undefined) return;
    const { clock, topics: publishing } = this.ports;
    this.planned = clock.after(Math.max(0, this.quietMs - clock.now()), () => {
      this.planned = undefined;
      const list = this.list();
      publishing.publish(topics[1], list);
      // A list for everybody costs its length times their number.
      const costMs = (Buffer.byteLength(list) * this.online.size) / listBytesPerMs;
      this.quietMs = clock.now() + Math.max(listIntervalMs, costMs);
    });
  }
}
