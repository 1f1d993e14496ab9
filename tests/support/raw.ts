import { connect, type Socket } from 'node:net';
import { until } from './moonstead.ts';
import type { Frame } from './relay-client.ts';

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** How a frame deviates from what a decent client would write. */
export interface FrameShape {
  opcode?: number;
  fin?: boolean;
  masked?: boolean;
  /** 1 to 7: the three reserved bits. */
  rsv?: number;
  /** Bytes of the length field, where another than the shortest is wanted. */
  lengthBytes?: 0 | 2 | 8;
  /** The length that the header tells, where it is a lie. */
  length?: number | bigint;
}

/** One WebSocket frame (RFC 6455, 5.2) from a client, right or wrong. */
export function frame(
  payload: string | Uint8Array | readonly number[] = '',
  shape: FrameShape = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const { opcode = opcodes.text, fin = true, masked = true, rsv = 0 } = shape;
  const length = shape.length ?? body.length;
  const lengthBytes = shape.lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes + (masked ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] =
    (masked ? 0x80 : 0) | (lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (masked) {
    const mask = Buffer.from([0x5a, 0xc3, 0x0f, 0x96]);
    mask.copy(head, head.length - 4);
    for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!;
  }
  return Buffer.concat([head, body]);
}

export function closeFrame(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return frame(Buffer.concat([payload, Buffer.from(reason)]), { opcode: opcodes.close });
}

export interface RawOptions {
  key?: string;
  path?: string;
  /** Beside, or instead of, those of a decent upgrade; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  /** Whether it answers pings; it does unless told. */
  pongs?: boolean;
}

/** A WebSocket client made of bytes, that can do everything wrong. */
export class RawClient {
  /** What came as text, as it came. */
  readonly texts: string[] = [];
  readonly pings: string[] = [];
  /** What came as pong, to pings of ours. */
  readonly answered: string[] = [];
  /** Status line and headers of the server's answer, and the bytes behind it while not upgraded. */
  head = '';
  body = '';
  /** The server's close frame; code 1005 for one without. */
  closed: { code: number; reason: string } | undefined;
  /** The TCP connection is gone. */
  ended = false;
  pongs = true;
  private bytes: Buffer = Buffer.alloc(0);
  private taken = 0;

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => this.take(bytes as Buffer));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
    });
  }

  /** A TCP connection, nothing said. */
  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    const client = new RawClient(socket);
    await until('the connection', () => client.ended || socket.readyState === 'open');
    return client;
  }

  /** Asks for an upgrade; resolves when its answer is there, whatever it is. */
  static async ask(port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.pongs = options.pongs ?? true;
    client.write(upgrade(port, options));
    await until('the answer', () => client.ended || client.status);
    return client;
  }

  /** Upgraded, no handshake yet. */
  static async open(port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.ask(port, options);
    if (client.status !== 101) throw new Error(`refused: ${client.head}`);
    return client;
  }

  static async mod(port: number, options: RawOptions = {}, serverId = 'srv', channelId = '100') {
    const client = await RawClient.open(port, options);
    client.say({ type: 'mod', data: { server_id: serverId, channel_id: channelId } });
    await client.next(({ status }) => status === 'connected');
    return client;
  }

  static async bot(port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(port, options);
    client.say({ type: 'bot', data: { bot_id: 'raw' } });
    await client.next(({ status }) => status === 'connected');
    return client;
  }

  /** HTTP status of the answer; undefined until there is one. */
  get status(): number | undefined {
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1];
    return status === undefined ? undefined : Number(status);
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text));
  }

  get contents(): string[] {
    return this.frames.filter(({ content }) => content !== undefined).map((one) => one.content);
  }

  write(...chunks: (string | Uint8Array)[]): void {
    this.socket.write(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string))));
  }

  /** Decent text frames, all in one write. */
  say(...messages: unknown[]): void {
    const text = (one: unknown) => (typeof one === 'string' ? one : JSON.stringify(one));
    this.write(...messages.map((one) => frame(text(one))));
  }

  pong(payload: string): void {
    this.write(frame(payload, { opcode: opcodes.pong }));
  }

  /** The next frame that fits; those before it are passed over. */
  async next(fits: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return until('a frame', () => {
      while (this.taken < this.texts.length) {
        const one = JSON.parse(this.texts[this.taken++]!);
        if (fits(one)) return one as Frame;
      }
      if (this.ended) throw new Error(`ended: ${JSON.stringify(this.closed)}`);
      return undefined;
    });
  }

  /** Waits until the server has ended the TCP connection; gives its close frame, if there was one. */
  async end(): Promise<{ code: number; reason: string } | undefined> {
    await until('the end', () => this.ended);
    return this.closed;
  }

  /** Leaves all further bytes in the kernel. */
  stopReading(): void {
    this.socket.pause();
  }

  readOn(): void {
    this.socket.resume();
  }

  /** Gone without a word: a reset, not a close. */
  destroy(): void {
    this.socket.resetAndDestroy();
  }

  private take(bytes: Buffer): void {
    this.bytes = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
    if (this.head === '') {
      const end = this.bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.bytes.toString('latin1', 0, end);
      this.bytes = this.bytes.subarray(end + 4);
    }
    if (this.status !== 101) {
      this.body = this.bytes.toString();
      return;
    }
    let at = 0;
    for (let size = this.frameAt(at); size > 0; size = this.frameAt(at)) at += size;
    this.bytes = this.bytes.subarray(at);
  }

  /** Handles the frame that begins there; returns its bytes, 0 when it is not whole yet. */
  private frameAt(at: number): number {
    const { bytes } = this;
    if (bytes.length < at + 2) return 0;
    const short = bytes[at + 1]! & 0x7f;
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < at + headBytes) return 0;
    const length =
      short === 127
        ? Number(bytes.readBigUInt64BE(at + 2))
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : short;
    if (bytes.length < at + headBytes + length) return 0;
    const payload = bytes.subarray(at + headBytes, at + headBytes + length);
    this.handle(bytes[at]! & 0x0f, payload);
    return headBytes + length;
  }

  private handle(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text) {
      this.texts.push(payload.toString());
    } else if (opcode === opcodes.ping) {
      this.pings.push(payload.toString());
      if (this.pongs) this.pong(payload.toString());
    } else if (opcode === opcodes.pong) {
      this.answered.push(payload.toString());
    } else if (opcode === opcodes.close) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE();
      this.closed = { code, reason: payload.toString('utf8', 2) };
    } else {
      throw new Error(`The server sent opcode ${opcode}.`);
    }
  }
}

/** The request of an upgrade. */
export function upgrade(
  port: number,
  { key = 'gateway', path = '/sync', headers = {} }: RawOptions = {},
) {
  const all = {
    Host: `127.0.0.1:${port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'bW9vbnN0ZWFkLXRlc3RzIQ==',
    'X-API-Key': key,
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
