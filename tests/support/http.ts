import { connect, type Socket } from 'node:net';

export interface Request {
  method?: string;
  path?: string;
  /** Beside, or instead of, those of a decent request; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  body?: string | Uint8Array;
}

/** The bytes of a request with one answer to come. */
export function requestBytes(
  port: number,
  { method = 'GET', path = '/', headers = {}, body }: Request,
) {
  const bytes = Buffer.from(body ?? '');
  const all: Request['headers'] = {
    Host: `127.0.0.1:${port}`,
    Connection: 'close',
    'Content-Length': body === undefined ? undefined : String(bytes.length),
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), bytes]);
}

/** One HTTP request made of bytes, and its answer as it came: nothing decoded but the chunks. */
export class HttpClient {
  /** Status line and headers, empty until they are there. */
  head = '';
  /** Body bytes so far. */
  readonly parts: Buffer[] = [];
  size = 0;
  /** All of the body that the head promised has come. */
  isWhole = false;
  /** The TCP connection is gone. */
  ended = false;
  private rest: Buffer = Buffer.alloc(0);
  /** Of the body, or of the chunk under way; undefined: a chunk's header comes next. */
  private left: number | undefined;
  private isChunked = false;
  private change = Promise.withResolvers<void>();

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => this.take(bytes as Buffer));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.changed();
    });
  }

  /** Nothing said. */
  static connect(port: number): HttpClient {
    return new HttpClient(connect({ port, host: '127.0.0.1' }));
  }

  static ask(port: number, request: Request): HttpClient {
    const client = HttpClient.connect(port);
    client.socket.write(requestBytes(port, request));
    return client;
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1]);
  }

  /** By name in lower case; one that came twice is a list with commas. */
  get headers(): Record<string, string> {
    const all: Record<string, string> = {};
    for (const line of this.head.split('\r\n').slice(1)) {
      const [, written, value] = /^([^:]+):[ \t]*(.*)$/.exec(line)!;
      const name = written!.toLowerCase();
      all[name] = name in all ? `${all[name]}, ${value}` : value!;
    }
    return all;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  get text(): string {
    return this.bytes.toString();
  }

  get json(): any {
    return JSON.parse(this.text);
  }

  /** Waits until the head is there. */
  begun(deadlineMs?: number): Promise<this> {
    return this.until('the head of the answer', () => this.head !== '' || this.ended, deadlineMs);
  }

  /** Waits until the answer is whole, or the connection gone. */
  over(deadlineMs?: number): Promise<this> {
    return this.until('the answer', () => this.isWhole || this.ended, deadlineMs);
  }

  /** Gone without a word. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Without polling, for hundreds of tests wait for answers. */
  private async until(what: string, isThere: () => boolean, deadlineMs = 10_000): Promise<this> {
    const endMs = Date.now() + deadlineMs;
    while (!isThere()) {
      if (Date.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
      await Promise.race([this.change.promise, Bun.sleep(100)]);
    }
    return this;
  }

  private changed(): void {
    this.change.resolve();
    this.change = Promise.withResolvers();
  }

  private take(bytes: Buffer): void {
    this.parse(bytes);
    this.changed();
  }

  private parse(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    if (this.head === '' && !this.takeHead()) return;
    while (!this.isWhole && (this.left === undefined ? this.takeSize() : this.takeBody()));
  }

  private takeHead(): boolean {
    const end = this.rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    this.head = this.rest.toString('latin1', 0, end);
    this.rest = this.rest.subarray(end + 4);
    const { headers, status } = this;
    this.isChunked = headers['transfer-encoding'] === 'chunked';
    const length = status === 204 ? 0 : Number(headers['content-length']);
    if (!this.isChunked) this.left = length;
    this.isWhole = length === 0;
    return true;
  }

  /** The header of a chunk; its last one ends the body. */
  private takeSize(): boolean {
    const end = this.rest.indexOf('\r\n');
    if (end < 0) return false;
    this.left = parseInt(this.rest.toString('latin1', 0, end), 16) + 2;
    this.rest = this.rest.subarray(end + 2);
    return true;
  }

  private takeBody(): boolean {
    const { left, rest } = this;
    if (this.isChunked) {
      // A chunk is taken whole, with the line end behind it.
      if (rest.length < left!) return false;
      this.isWhole = left === 2;
      this.keep(rest.subarray(0, left! - 2));
      this.rest = rest.subarray(left!);
      this.left = undefined;
      return true;
    }
    this.keep(rest);
    this.rest = Buffer.alloc(0);
    this.left = left! - rest.length;
    this.isWhole = this.left === 0;
    return false;
  }

  private keep(bytes: Buffer): void {
    this.parts.push(bytes);
    this.size += bytes.length;
  }
}
