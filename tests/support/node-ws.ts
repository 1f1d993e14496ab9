import { join } from 'node:path';
import { until } from './moonstead.ts';
import type { Frame } from './relay-client.ts';

/** What the package tells of a connection; one field at a time. */
interface Event {
  open?: { extensions: string };
  text?: string;
  ping?: string;
  pong?: string;
  close?: { code: number; reason: string };
  refused?: { status: number; body: Frame };
  error?: string;
}

interface Command {
  send?: string;
  /** Fragments of one message. */
  parts?: string[];
  ping?: string;
  close?: number;
}

/** The options of `ws` that tests use. */
interface WsOptions {
  headers?: Record<string, string>;
  perMessageDeflate?: boolean;
  autoPong?: boolean;
}

/** A client of `/sync` on the npm package `ws`, in a Node process of its own. */
export class NodeWs {
  readonly events: Event[] = [];
  private taken = 0;

  private constructor(private readonly child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>) {}

  /** Resolves when the upgrade is done or refused. */
  static async open(url: string, options: WsOptions = {}): Promise<NodeWs> {
    const program = join(import.meta.dir, 'ws-client.mjs');
    const child = Bun.spawn(['node', program, url, JSON.stringify(options)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const client = new NodeWs(child);
    void client.collect();
    await client.event(({ open, refused }) => open ?? refused);
    return client;
  }

  static async mod(url: string, options?: WsOptions): Promise<NodeWs> {
    const data = { server_id: 'srv', channel_id: '100' };
    return NodeWs.greeted(url, { type: 'mod', data }, options);
  }

  static async bot(url: string, options?: WsOptions): Promise<NodeWs> {
    return NodeWs.greeted(url, { type: 'bot', data: { bot_id: 'bot' } }, options);
  }

  private static async greeted(url: string, handshake: Frame, options?: WsOptions) {
    const client = await NodeWs.open(url, options);
    client.say(handshake);
    await client.next(({ status }) => status === 'connected');
    return client;
  }

  get frames(): Frame[] {
    return this.events.flatMap(({ text }) => (text === undefined ? [] : [JSON.parse(text)]));
  }

  command(command: Command): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    this.child.stdin.flush();
  }

  say(...frames: unknown[]): void {
    for (const frame of frames) this.command({ send: JSON.stringify(frame) });
  }

  /** The first event that `get` makes something of. */
  event<T>(get: (event: Event) => T | undefined): Promise<NonNullable<T>> {
    return until('an event', () => {
      for (const event of this.events) {
        const value = get(event);
        if (value !== undefined) return value;
      }
      return undefined;
    });
  }

  /** The next frame that fits; those before it are passed over. */
  next(fits: (frame: Frame) => boolean): Promise<Frame> {
    return until('a frame', () => {
      const { frames } = this;
      while (this.taken < frames.length) {
        const frame = frames[this.taken++]!;
        if (fits(frame)) return frame;
      }
      return undefined;
    });
  }

  /** The close code, after the process has ended by itself. */
  async ended(): Promise<{ code: number; reason: string }> {
    const close = await this.event((event) => event.close);
    await this.child.exited;
    return close;
  }

  async close(): Promise<void> {
    this.command({ close: 1000 });
    await this.ended();
  }

  private async collect(): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
    }
  }
}
