import type { Cancel, Clock } from '../sockets/ports.ts';
import type { Entry, Journal } from './journal.ts';
import { Reader, type Sink, type Wish } from './live-reader.ts';

export interface LiveLimits {
  readersMax: number;
  /** For how long a reader may take nothing though there is something: then it is cut. */
  stallMs: number;
}

export interface LivePorts {
  clock: Clock;
  journal: Journal;
  /** The page of numbers, as JSON. */
  stats(): string;
}

const keepAliveMs = 15_000;
const statsMs = 1_000;

/**
 * The live feed (docs/protocol-status.md, "Live feed"): the journal's events as server-sent events.
 * Each is encoded once for all readers, and waits for them in the journal only: who does not read in
 * time is cut.
 */
export class Live {
  private readonly readers = new Set<Reader>();
  private stopFollowing: () => void = () => {};
  private stopKeepingAlive: Cancel = () => {};
  private stopStats: Cancel = () => {};
  private hasEnded = false;

  constructor(
    private readonly ports: LivePorts,
    private readonly limits: LiveLimits,
  ) {}

  begin(): void {
    this.stopFollowing = this.ports.journal.follow((entry: Entry) => {
      for (const reader of this.readers) reader.added(entry);
    });
    this.keepAliveLater();
    this.statsLater();
  }

  /** Ends every stream, also those that are opened from now on: they come back to the next run. */
  end(): void {
    this.hasEnded = true;
    this.stopFollowing();
    this.stopKeepingAlive();
    this.stopStats();
    for (const reader of [...this.readers]) reader.end();
  }

  get size(): number {
    return this.readers.size;
  }

  /** Undefined: there are as many readers as there may be. */
  open(wish: Wish, sink: Sink): Reader | undefined {
    if (this.readers.size >= this.limits.readersMax) return undefined;
    const { journal, clock } = this.ports;
    const reader = new Reader(
      { journal, clock, left: () => this.readers.delete(reader) },
      wish,
      sink,
    );
    this.readers.add(reader);
    if (this.hasEnded) reader.end();
    return reader;
  }

  private keepAliveLater(): void {
    const { stallMs } = this.limits;
    this.stopKeepingAlive = this.ports.clock.after(Math.min(keepAliveMs, stallMs / 2), () => {
      this.keepAliveLater();
      for (const reader of [...this.readers]) {
        if (reader.stalledMs() >= stallMs) reader.cut();
        else reader.keepAlive();
      }
    });
  }

  private statsLater(): void {
    this.stopStats = this.ports.clock.after(statsMs, () => {
      this.statsLater();
      let text: string | undefined;
      for (const reader of this.readers)
        if (reader.wantsStats) reader.stats((text ??= this.ports.stats()));
    });
  }
}
