import type { LogEvent } from '../log.ts';

/** What an event is about. */
export const topics = ['session', 'player', 'relay', 'worker', 'task', 'log'] as const;
export type Topic = (typeof topics)[number];

/** An event and its place in the journal. */
export interface Entry extends LogEvent {
  number: number;
  topic: Topic;
  /** As a server-sent event, once a reader wanted it. */
  frame?: string;
}

const topicOfPart: Readonly<Record<string, Topic>> = {
  relay: 'relay',
  sessions: 'session',
  players: 'player',
  tasks: 'task',
};

/**
 * The newest events, `eventsMax` of them. Each has a number, one more than the one before, and an id
 * that also tells the run: after a restart numbers begin anew.
 */
export class Journal {
  private readonly entries: Entry[] = [];
  private count = 0;
  private readonly readers = new Set<(entry: Entry) => void>();

  constructor(
    private readonly eventsMax: number,
    private readonly run: string,
  ) {}

  /** The number of the newest; 0: there is none. */
  get newest(): number {
    return this.count;
  }

  /** The number of the oldest that is still here. */
  get oldest(): number {
    return Math.max(1, this.count - this.eventsMax + 1);
  }

  add(event: LogEvent): void {
    this.count += 1;
    const text = event.level === 'error' ? withoutStack(event.text) : event.text;
    const entry: Entry = { ...event, text, number: this.count, topic: topicOf(event) };
    this.entries[this.count % this.eventsMax] = entry;
    for (const read of this.readers) read(entry);
  }

  /** Every event from now on. Returns how to stop that. */
  follow(read: (entry: Entry) => void): () => void {
    this.readers.add(read);
    return () => this.readers.delete(read);
  }

  at(number: number): Entry | undefined {
    return number < this.oldest || number > this.count
      ? undefined
      : this.entries[number % this.eventsMax];
  }

  idOf(number: number): string {
    return `${this.run}-${number}`;
  }

  /** The number behind an id of this run; undefined: of another one, or no id at all. */
  numberOf(id: string): number | undefined {
    const [, run, number] = /^([0-9a-z]{1,16})-(\d{1,15})$/.exec(id) ?? [];
    return run === this.run && Number(number) <= this.count ? Number(number) : undefined;
  }
}

/** Whoever may read the journal need not know the inside: the stack of a fault is in the output only. */
function withoutStack(text: string): string {
  const { stack, ...fields } = JSON.parse(text);
  return stack === undefined ? text : JSON.stringify(fields);
}

function topicOf({ part, event, about = event }: LogEvent): Topic {
  if (about.startsWith('worker_')) return 'worker';
  return topicOfPart[part] ?? 'log';
}
