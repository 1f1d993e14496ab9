import { until } from '../support/moonstead.ts';
import type { Frame } from '../support/relay-client.ts';

/** A WebSocket client of a page that takes binary frames too, in the order in which all came. */
export class PageClient {
  /** Frames of JSON as they came. */
  readonly texts: string[] = [];
  private readonly got: (string | Uint8Array)[] = [];
  private taken = 0;
  private closed: { code: number; reason: string } | undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string' && isJson(data)) this.texts.push(data);
      this.got.push(typeof data === 'string' ? data : new Uint8Array(data));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  static async open(url: string): Promise<PageClient> {
    const socket = new WebSocket(url);
    const client = new PageClient(socket);
    await until('the upgrade', () => client.closed || socket.readyState === WebSocket.OPEN);
    return client;
  }

  say(frame: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(frame);
  }

  /** The next frame that fits, parsed if it is JSON; those before it are passed over. */
  async next(fits: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return until('a frame', () => {
      while (this.taken < this.got.length) {
        const frame = parsed(this.got[this.taken++]!);
        if (fits(frame)) return frame;
      }
      if (this.closed) throw new Error(`ended: ${JSON.stringify(this.closed)}`);
      return undefined;
    });
  }

  async close(code: number, reason: string): Promise<void> {
    this.socket.close(code, reason);
    await this.end();
  }

  /** Waits for the end of the connection; gives the close frame. */
  async end(): Promise<{ code: number; reason: string } | undefined> {
    return until('the end', () => this.closed);
  }

  destroy(): void {
    this.socket.close();
  }
}

/** Texts that are no JSON, and bytes, are what they are. */
function parsed(frame: string | Uint8Array): Frame {
  if (typeof frame !== 'string') return frame;
  return isJson(frame) ? JSON.parse(frame) : (frame as unknown as Frame);
}

const isJson = (text: string) => /^[{[]/.test(text);
