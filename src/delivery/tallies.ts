/** What is counted of one channel while there is a lane of it, in either direction. */
export interface Tally {
  readonly channel: string;
  /** Grows from each channel to the next. */
  readonly number: number;
  messages: number;
  /** When the last of them came, by the clock for deadlines; 0: none did. */
  lastMs: number;
  lanes: number;
}

/** The tallies of the channels that have a lane: bounded as those are, and forgotten with them. */
export class Tallies {
  private readonly byChannel = new Map<string, Tally>();
  private last = 0;

  get size(): number {
    return this.byChannel.size;
  }

  /** By their numbers. */
  all(): Iterable<Tally> {
    return this.byChannel.values();
  }

  /** A lane of the channel came to be. */
  enter(channel: string): Tally {
    let tally = this.byChannel.get(channel);
    if (tally === undefined) {
      tally = { channel, number: ++this.last, messages: 0, lastMs: 0, lanes: 0 };
      this.byChannel.set(channel, tally);
    }
    tally.lanes += 1;
    return tally;
  }

  /** A lane of the channel is forgotten. */
  leave(tally: Tally): void {
    tally.lanes -= 1;
    if (tally.lanes === 0) this.byChannel.delete(tally.channel);
  }
}
