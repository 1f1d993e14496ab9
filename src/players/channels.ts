import type { PlayerSeat } from './seat.ts';

const topicOf = (channel: string) => `players/c/${channel}`;

/** Channels: who has joined which. They outlive a connection, as long as links do. */
export class Channels {
  /** By user. */
  private readonly joined = new Map<string, Set<string>>();
  /** Connections that are there, by channel. */
  private readonly present = new Map<string, Set<PlayerSeat>>();

  constructor(private readonly channelsMax: number) {}

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

  /** One native publish to everybody else. False when nobody else is there. */
  publish(seat: PlayerSeat, channel: string, text: string): boolean {
    const there = this.present.get(channel);
    const others = (there?.size ?? 0) - (there?.has(seat) ? 1 : 0);
    if (others === 0) return false;
    seat.peer.publish(topicOf(channel), text);
    return true;
  }

  private enter(seat: PlayerSeat, channel: string): void {
    const seats = this.present.get(channel) ?? new Set();
    this.present.set(channel, seats.add(seat));
    seat.peer.subscribe(topicOf(channel));
  }

  private exit(seat: PlayerSeat, channel: string): void {
    const seats = this.present.get(channel);
    seats?.delete(seat);
    if (seats?.size === 0) this.present.delete(channel);
  }
}
