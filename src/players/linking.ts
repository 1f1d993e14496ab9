import type { RefusalName } from './figures.ts';
import { Links } from './links.ts';
import { encodeAbout } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

export interface LinkingPorts {
  seatOf(userId: string): PlayerSeat | undefined;
  refuse(seat: PlayerSeat, name: RefusalName, detail?: string): void;
  /** So much went to a socket beside messages: looks, soon, whether it keeps up. */
  sent(seat: PlayerSeat, chars: number): void;
}

/** Asking for links, and what both ends are told. */
export class Linking {
  private readonly links: Links;
  /** Ends of links that users who are away for a moment have not been told of: by whom, of whom. */
  private readonly untold = new Map<string, Set<string>>();

  constructor(
    private readonly ports: LinkingPorts,
    private readonly limits: { linksMax: number; slowBytes: number },
  ) {
    this.links = new Links(limits.linksMax);
  }

  /** How many links there are. */
  get size(): number {
    return this.links.size;
  }

  connect(seat: PlayerSeat, target: string): void {
    const { userId } = seat;
    const { links } = this;
    const { seatOf, refuse } = this.ports;
    const other = seatOf(target);
    if (target === userId) return refuse(seat, 'badMessage', 'targetUserId: itself');
    if (other === undefined) return refuse(seat, 'notThere');
    if (links.has(userId, target)) return this.tell(seat, 'connect_accepted', target);
    if (links.isFull(userId, target)) return refuse(seat, 'tooManyLinks');
    // Who was asked by the other one accepts by asking.
    if (links.hasAsked(target, userId)) return this.link(seat, other);
    if (this.isBehind(other)) return refuse(seat, 'behind');
    // Today's plugin knows no requests.
    if (other.protocol === 1) return this.link(seat, other);
    if (links.hasAsked(userId, target)) return;
    if (!links.ask(userId, target)) return refuse(seat, 'tooManyLinks');
    this.tell(other, 'connect_request', userId);
  }

  /** Says yes or no to the request of `from`; a yes that is refused may be said again. */
  answer(seat: PlayerSeat, from: string, isYes: boolean): void {
    const { userId } = seat;
    const { seatOf, refuse } = this.ports;
    const other = seatOf(from);
    if (!this.links.hasAsked(from, userId)) return refuse(seat, 'noRequest');
    if (other === undefined) return refuse(seat, 'notThere');
    if (isYes && this.links.isFull(from, userId)) return refuse(seat, 'tooManyLinks');
    if (isYes) return this.link(seat, other);
    this.links.answer(from, userId);
    this.tell(other, 'connect_rejected', userId);
  }

  /** The user is there again: it is told what ended meanwhile, and who waits for its answer. */
  returned(seat: PlayerSeat): void {
    const { userId, protocol } = seat;
    for (const other of this.untold.get(userId) ?? []) this.tell(seat, 'disconnected', other);
    this.untold.delete(userId);
    if (protocol === 1) return;
    for (const other of this.links.askersOf(userId)) this.tell(seat, 'connect_request', other);
  }

  /** All links of a user end. */
  unlink(userId: string): void {
    for (const other of this.links.end(userId)) {
      const seat = this.ports.seatOf(other);
      if (seat !== undefined) this.tell(seat, 'disconnected', userId);
      else this.untold.set(other, (this.untold.get(other) ?? new Set()).add(userId));
    }
  }

  /** The user does not come back: all of its links end, and it needs to know nothing. */
  forget(userId: string): void {
    this.unlink(userId);
    this.untold.delete(userId);
  }

  private link(one: PlayerSeat, other: PlayerSeat): void {
    this.links.link(one.userId, other.userId);
    this.tell(one, 'connect_accepted', other.userId);
    this.tell(other, 'connect_accepted', one.userId);
  }

  private tell(seat: PlayerSeat, what: Parameters<typeof encodeAbout>[0], userId: string): void {
    const text = encodeAbout(what, userId);
    seat.burst += text.length;
    this.ports.sent(seat, text.length);
    seat.peer.send(text);
  }

  /** Whoever does not read gets nothing that others make up: it would end its connection. */
  private isBehind({ behindSinceMs, burst }: PlayerSeat): boolean {
    return behindSinceMs !== 0 || burst > this.limits.slowBytes;
  }
}
