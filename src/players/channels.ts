import type { Figures } from './figures.ts';
import { encodeAck } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

/** Those of a channel who are there. */
interface Present {
  seats: Set<PlayerSeat>;
  /** Characters published since somebody looked who keeps up. */
  unseenChars: number;
}

const topicOf = (channel: string) => `players/c/${channel}`;

/** Channels: who has joined which. They outlive a connection, as long as links do. */
export class Channels {
  /** By user. */
  private readonly joined = new Map<string, Set<string>>();
  /** Connections that are there, by channel. */
  private readonly present = new Map<string, Present>();

  constructor(
    private readonly figures: Figures,
    private readonly channelsMax: number,
    /** Looks, in the next turn, whether one keeps up; asked for every so many characters. */
    private readonly looking: { everyChars: number; at(seat: PlayerSeat): void },
  ) {}

  /** False when the user is in as many as may be. */
  join(seat: PlayerSeat, channel: string): boolean {
    const { userId } = seat;
    const channels = this.joined.get(userId) ?? new Set();
    if (!channels.has(channel) && channels.size >= this.channelsMax) return false;
    this.joined.set(userId, channels.add(channel));
    this.enter(seat, channel);
    return true;
  }

  leave(seat: PlayerSeat, channel: string): void {
    const channels = this.joined.get(seat.userId);
    if (channels?.delete(channel) !== true) return;
    if (channels.size === 0) this.joined.delete(seat.userId);
    this.exit(seat, channel);
    seat.peer.unsubscribe(topicOf(channel));
  }

  /** A connection of a user takes the user's places. */
  connected(seat: PlayerSeat): void {
    for (const channel of this.joined.get(seat.userId) ?? []) this.enter(seat, channel);
  }

  /** It is gone; the user's places stay. */
  disconnected(seat: PlayerSeat): void {
    for (const channel of this.joined.get(seat.userId) ?? []) this.exit(seat, channel);
  }

  forget(userId: string): void {
    this.joined.delete(userId);
  }

  /** To everybody else who is there, and an answer to its sender whether anybody is. */
  send(seat: PlayerSeat, channel: string, text: string, msgId: string): void {
    const isSent = this.publish(seat, channel, text);
    if (!isSent) this.figures.failed += 1;
    const why = isSent ? undefined : 'nobody is there';
    seat.answers.now(encodeAck(msgId, isSent ? 'completed' : 'failed', why));
  }

  /** One native publish. False when nobody else is there. */
  private publish(seat: PlayerSeat, channel: string, text: string): boolean {
    const there = this.present.get(channel);
    if (there === undefined) return false;
    const { seats } = there;
    const others = seats.size - (seats.has(seat) ? 1 : 0);
    if (others === 0) return false;
    this.figures.delivered += others;
    seat.peer.publish(topicOf(channel), text);
    there.unseenChars += text.length;
    if (there.unseenChars > this.looking.everyChars) {
      there.unseenChars = 0;
      for (const one of seats) this.looking.at(one);
    }
    return true;
  }

  private enter(seat: PlayerSeat, channel: string): void {
    const there = this.present.get(channel) ?? { seats: new Set(), unseenChars: 0 };
    there.seats.add(seat);
    this.present.set(channel, there);
    seat.peer.subscribe(topicOf(channel));
  }

  private exit(seat: PlayerSeat, channel: string): void {
    const there = this.present.get(channel);
    there?.seats.delete(seat);
    if (there?.seats.size === 0) this.present.delete(channel);
  }
}
