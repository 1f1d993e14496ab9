import { HttpClient } from './http.ts';
import { until } from './moonstead.ts';

/** An event as it was sent; `data` is JSON in every event of ours. */
export interface SentEvent {
  id: string | undefined;
  event: string;
  data: any;
}

/** A reader of `/live` made of bytes. */
export class LiveClient {
  readonly events: SentEvent[] = [];
  /** Lines that are only there to be there. */
  comments: string[] = [];
  /** What it says about coming back, in ms. */
  retry: number | undefined;
  /** Ids that came without an event: the place of the reader, of which only the newest counts. */
  readonly places: string[] = [];
  private newestId: string | undefined;
  private rest = '';
  private read = 0;
  private taken = 0;

  private constructor(readonly http: HttpClient) {}

  /** Resolves when the headers are there, whatever they say. */
  static async ask(
    port: number,
    path = '/live',
    headers: Record<string, string> = {},
  ): Promise<LiveClient> {
    return new LiveClient(await HttpClient.ask(port, { path, headers }).begun());
  }

  /** One that is let in. */
  static async open(...asked: Parameters<typeof LiveClient.ask>): Promise<LiveClient> {
    const client = await LiveClient.ask(...asked);
    if (client.http.status !== 200) throw new Error(`refused: ${client.http.head}`);
    return client;
  }

  /** The next event that fits; those before it are passed over. */
  next(what: string, fits: (event: SentEvent) => boolean = () => true): Promise<SentEvent> {
    return until(what, () => {
      this.take();
      while (this.taken < this.events.length) {
        const event = this.events[this.taken++]!;
        if (fits(event)) return event;
      }
      if (this.http.ended) throw new Error(`ended, waiting for ${what}`);
      return undefined;
    });
  }

  /** What a browser would come back with: the newest id, with or without an event. */
  get lastId(): string | undefined {
    this.take();
    return this.newestId;
  }

  /** Events of the journal so far. */
  get journalled(): SentEvent[] {
    this.take();
    return this.events.filter(({ id }) => id !== undefined);
  }

  close(): void {
    this.http.destroy();
  }

  /** Takes apart what came since the last time. */
  take(): void {
    const { parts } = this.http;
    const more = Buffer.concat(parts.slice(this.read)).toString();
    this.read = parts.length;
    const blocks = (this.rest + more).split('\n\n');
    this.rest = blocks.pop()!;
    for (const block of blocks) this.takeBlock(block);
  }

  private takeBlock(block: string): void {
    let id: string | undefined;
    let event = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const [, name, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line)!;
      if (name === '') this.comments.push(value ?? '');
      else if (name === 'id') id = value;
      else if (name === 'event') event = value!;
      else if (name === 'data') data.push(value!);
      else if (name === 'retry') this.retry = Number(value);
      else throw new Error(`no field of an event stream: ${line}`);
    }
    if (id !== undefined) this.newestId = id;
    if (data.length > 0) this.events.push({ id, event, data: JSON.parse(data.join('\n')) });
    else if (id !== undefined) this.places.push(id);
  }
}
