import type { Refusal } from '../refusal.ts';
import { Links } from './links.ts';
import { encodeAbout, playerRefusals } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

export interface LinkingPorts {
  seatOf(userId: string): PlayerSeat | undefined;
  refuse(seat: PlayerSeat, refusal: Refusal, detail?: string): void;
}

/** Asking for links, and what both ends are told. */
export class Linking {
  private readonly links: Links;

  constructor(
    private readonly ports: LinkingPorts,
    linksMax: number,
  ) {
    this.links = new Links(linksMax);
  }

  connect(seat: PlayerSeat, target: string): void {
    const { userId } = seat;
    const { seatOf, refuse } = this.ports;
    const other = seatOf(target);
    if (target === userId) return refuse(seat, playerRefusals.badMessage, 'targetUserId: itself');
    if (other === undefined) return refuse(seat, playerRefusals.notThere);
    // Who was asked by the other one accepts by asking; and today's plugin knows no requests.
    if (this.links.answer(target, userId)) return this.link(seat, other);
    if (this.links.isFull(userId, target)) return refuse(seat, playerRefusals.tooManyLinks);
    if (other.protocol === 1) return this.link(seat, other);
    this.links.ask(userId, target);
    other.peer.send(encodeAbout('connect_request', userId));
  }

  /** Says yes or no to the request of `from`. */
  answer(seat: PlayerSeat, from: string, isYes: boolean): void {
    const { seatOf, refuse } = this.ports;
    if (!this.links.answer(from, seat.userId)) return refuse(seat, playerRefusals.noRequest);
    const other = seatOf(from);
    if (other === undefined) return refuse(seat, playerRefusals.notThere);
    if (isYes) this.link(seat, other);
    else other.peer.send(encodeAbout('connect_rejected', seat.userId));
  }

  /** All links of a user end. */
  unlink(userId: string): void {
    for (const other of this.links.end(userId))
      this.ports.seatOf(other)?.peer.send(encodeAbout('disconnected', userId));
  }

  private link(one: PlayerSeat, other: PlayerSeat): void {
    this.links.link(one.userId, other.userId);
    one.peer.send(encodeAbout('connect_accepted', other.userId));
    other.peer.send(encodeAbout('connect_accepted', one.userId));
  }
}
