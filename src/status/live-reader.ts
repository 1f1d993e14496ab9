import type { Clock } from '../sockets/ports.ts';
import type { Entry, Journal, Topic } from './journal.ts';

/** What one reader wants. */
export interface Wish {
  /** Undefined: all events. `log` is all of them, too; `stats` is wanted only when it is named. */
  topics: ReadonlySet<Topic | 'stats'> | undefined;
  /** The last event that it knows; undefined: it wants what comes from now on. */
  lastId: string | undefined;
}

/** Where the text of one reader goes. */
export interface Sink {
  /** There is something to `take`, after there was nothing. */
  ready(): void;
  /** The server ends the stream, and nothing is left to take. */
  ended(): void;
  /** It has stalled: must end the connection, whatever it has not taken. */
  cut(): void;
}

export interface ReaderPorts {
  journal: Journal;
  clock: Clock;
  left(): void;
}

/** Taken at a time, about, in characters. */
const chunkChars = 64 * 1024;
/** A comment, so that the headers leave at once; and how soon to come back, in ms. */
const hello = ': moonstead\nretry: 2000\n';
/** Events are missing here: whoever keeps a picture of something must ask for all of it again. */
const missed = 'event: missed\ndata: {}\n\n';

/** One reader of the live feed: its place in the journal, and nothing that grows. */
export class Reader {
  private next: number;
  /** What comes before the next event. */
  private first: string;
  private newestStats = '';
  private isIdle = false;
  private waitingSinceMs: number;
  private isOver = false;

  constructor(
    private readonly ports: ReaderPorts,
    private readonly wish: Wish,
    private readonly sink: Sink,
  ) {
    const { journal, clock } = ports;
    this.waitingSinceMs = clock.now();
    const last = wish.lastId === undefined ? journal.newest : journal.numberOf(wish.lastId);
    this.next = Math.max((last ?? 0) + 1, journal.oldest);
    this.first = hello + this.placeText();
    if (last === undefined || this.next > last + 1) this.first += missed;
  }

  get wantsStats(): boolean {
    return this.wish.topics?.has('stats') === true;
  }

  /** What is to be sent now; undefined: nothing yet, `ready` will tell. */
  take(): string | undefined {
    const { journal, clock } = this.ports;
    if (this.next < journal.oldest) {
      this.cut();
      return undefined;
    }
    let text = this.first + this.newestStats;
    this.first = this.newestStats = '';
    for (; text.length < chunkChars; this.next++) {
      const entry = journal.at(this.next);
      if (entry === undefined) break;
      if (this.wants(entry)) text += frameOf(entry, journal);
    }
    this.isIdle = text === '';
    this.waitingSinceMs = clock.now();
    return this.isIdle ? undefined : text;
  }

  added(entry: Entry): void {
    if (!this.isIdle) return;
    if (this.wants(entry)) this.wake();
    else this.next = entry.number + 1;
  }

  stats(text: string): void {
    this.newestStats = `event: stats\ndata: ${text}\n\n`;
    this.wake();
  }

  keepAlive(): void {
    if (!this.isIdle) return;
    this.first = `:\n${this.placeText()}`;
    this.wake();
  }

  /** For how long it has taken nothing, though there was something. */
  stalledMs(): number {
    return this.isIdle ? 0 : this.ports.clock.now() - this.waitingSinceMs;
  }

  cut(): void {
    if (!this.leave()) return;
    this.sink.cut();
  }

  end(): void {
    if (!this.leave()) return;
    this.sink.ended();
  }

  /** The connection is gone. */
  leave(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.ports.left();
    return true;
  }

  /** An id alone is no event, but what a reader comes back with: nothing up to here is missed. */
  private placeText(): string {
    return `id: ${this.ports.journal.idOf(this.next - 1)}\n\n`;
  }

  private wake(): void {
    if (!this.isIdle) return;
    this.isIdle = false;
    this.waitingSinceMs = this.ports.clock.now();
    this.sink.ready();
  }

  private wants({ topic }: Entry): boolean {
    const { topics } = this.wish;
    return topics === undefined || topics.has(topic) || topics.has('log');
  }
}

/** Encoded once for all readers. */
function frameOf(entry: Entry, journal: Journal): string {
  const { number, topic, text } = entry;
  return (entry.frame ??= `id: ${journal.idOf(number)}\nevent: ${topic}\ndata: ${text}\n\n`);
}
