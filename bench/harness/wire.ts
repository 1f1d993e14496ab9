import type { Dialect, Step } from '../relay/dialects.ts';
import { clientFrame, frameReader, joined } from './frames.ts';
import { inTime, voidRun } from './void-run.ts';

/** One client connection: a bare TCP socket that counts what it is sent and answers pings. */
export interface Wire {
  name: string;
  /** Messages (deliveries or acknowledgements) counted so far. */
  received: number;
  /** Messages that may come in all; one more voids the run. */
  expected: number;
  /** Pings answered so far. */
  pings: number;
  /** Called when a chunk brought messages. */
  onProgress: (wire: Wire) => void;
  write(bytes: Uint8Array): void;
  /** Reads texts instead of counting until `done`; the read text is then the size of a message. */
  readText(done: (text: string) => boolean, send?: Uint8Array): Promise<string>;
  end(): void;
}

/** What a wire has to know of what is spoken. */
export interface WireDialect extends Pick<Dialect, 'opcode' | 'stream' | 'heartbeat'> {
  /** Bytes that a message may have, besides those of what `readText` read. */
  sizes?: readonly number[];
}

const PING = 9;
const PONG = 10;
const CLOSE = 8;
const waitMs = 10_000;
const utf8 = new TextDecoder();

/** Connects, upgrades and shakes hands. Whatever goes wrong, then or later, voids the run. */
export async function connectWire(
  name: string,
  port: number,
  dialect: WireDialect,
  path: string,
  steps: readonly Step[],
): Promise<Wire> {
  let ended = false;
  let upgraded: (() => void) | undefined;
  let answer = '';
  let unsent: Uint8Array | undefined;
  let reading: { text: string; done: (text: string) => boolean; resolve: () => void } | undefined;
  let unitBytes = 0;
  let skip = 0; // bytes of a message that a stream still owes

  const heartbeat =
    dialect.heartbeat === undefined ? undefined : clientFrame(dialect.heartbeat, dialect.opcode);
  const { sizes } = dialect;
  const pong = dialect.stream ? clientFrame('PONG\r\n', dialect.opcode) : undefined;

  /** A stream's messages by their first letter: MSG, +OK, PING. */
  function walk(chunk: Uint8Array, start: number, end: number) {
    let at = start;
    while (at < end) {
      if (skip === 0) {
        const letter = chunk[at]!;
        if (letter === 80) {
          skip = 6;
          wire.write(pong!);
        } else if (letter === 77 || letter === 43) {
          skip = unitBytes;
          wire.received++;
        } else voidRun(`${name} got ${utf8.decode(chunk.subarray(at, end))}`);
      }
      const step = Math.min(skip, end - at);
      skip -= step;
      at += step;
    }
  }

  const read = frameReader({
    data(chunk, start, end, frameBytes, last) {
      if (reading !== undefined) reading.text += utf8.decode(chunk.subarray(start, end));
      else if (dialect.stream) walk(chunk, start, end);
      else if (last && (frameBytes === unitBytes || sizes?.includes(frameBytes))) wire.received++;
      else if (last && frameBytes === 1 && heartbeat !== undefined) wire.write(heartbeat);
      else if (last) voidRun(`${name} got a frame of ${frameBytes} bytes, not ${unitBytes}`);
    },
    control(opcode, payload) {
      if (opcode === PING) {
        wire.pings++;
        wire.write(clientFrame(payload, PONG));
      } else if (opcode === CLOSE) {
        voidRun(`${name} was closed with ${(payload[0]! << 8) | payload[1]!}`);
      }
    },
  });

  function take(chunk: Uint8Array) {
    const before = wire.received;
    read(chunk);
    if (dialect.stream && reading?.text.startsWith('PING\r\n')) {
      reading.text = reading.text.slice(6);
      wire.write(pong!);
    }
    if (reading?.done(reading.text)) reading.resolve();
    if (wire.received === before) return;
    if (wire.received > wire.expected) {
      voidRun(`${name} got ${wire.received} messages, not ${wire.expected}`);
    }
    wire.onProgress(wire);
  }

  const socket = await inTime(
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        binaryType: 'uint8array',
        data(_, chunk) {
          if (upgraded === undefined) return take(chunk);
          answer += Buffer.from(chunk).toString('latin1');
          const end = answer.indexOf('\r\n\r\n');
          if (end < 0) return;
          if (!answer.startsWith('HTTP/1.1 101 ')) voidRun(`${name}: ${answer}`);
          const resolve = upgraded;
          upgraded = undefined;
          if (answer.length > end + 4) take(Buffer.from(answer.slice(end + 4), 'latin1'));
          resolve();
        },
        drain() {
          const bytes = unsent;
          unsent = undefined;
          if (bytes !== undefined) wire.write(bytes);
        },
        close() {
          if (!ended) voidRun(`${name} lost its connection`);
        },
      },
    }),
    waitMs,
    () => `${name} to connect`,
  );

  const wire: Wire = {
    name,
    received: 0,
    expected: 0,
    pings: 0,
    onProgress: () => {},
    write(bytes) {
      if (unsent !== undefined) {
        unsent = joined([unsent, bytes]);
        return;
      }
      const written = Math.max(0, socket.write(bytes));
      if (written < bytes.length) unsent = bytes.slice(written);
    },
    async readText(done, send) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const now = (reading = { text: reading?.text ?? '', done, resolve });
      if (send !== undefined) wire.write(send);
      if (done(now.text)) resolve();
      await inTime(promise, waitMs, () => `${name} to read more than "${now.text}"`);
      reading = undefined;
      unitBytes = Buffer.byteLength(now.text);
      return now.text;
    },
    end() {
      ended = true;
      socket.terminate();
    },
  };

  const open = new Promise<void>((resolve) => (upgraded = resolve));
  // A server that speaks first may do so in the segment of its 101: be ready to read it.
  reading = { text: '', done: () => false, resolve: () => {} };
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await inTime(open, waitMs, () => `${name} to upgrade`);
  for (const { send, waitFor } of steps) {
    await wire.readText(
      (text) => text.includes(waitFor),
      send === undefined ? undefined : clientFrame(send, dialect.opcode),
    );
  }
  return wire;
}
