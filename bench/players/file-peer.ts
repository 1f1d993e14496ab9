import { clientFrame, frameReader, joined } from '../harness/frames.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import { sessionAuth } from './tokens.ts';

/** A player who sends and gets files: texts are read, bytes are handed on uncopied. */
export interface FilePeer {
  /** Every text so far that was not a `file_progress`. */
  texts: string[];
  /** Waits for a text of this type that was not waited for yet. */
  next(type: string, timeoutMs: number): Promise<Record<string, unknown>>;
  onProgress(received: number): void;
  /** A piece of a binary frame, as `FrameSink.data` has it. */
  onBytes(chunk: Uint8Array, start: number, end: number, frameBytes: number, last: boolean): void;
  /** Reads at most so many bytes a second from now on; Infinity: as fast as it can. */
  readAtMost(bytesPerSecond: number): void;
  say(frame: object): void;
  /** Resolves when the socket has taken all of it. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
}

const waitMs = 10_000;
const utf8 = new TextDecoder();
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };

/** Connects and comes in. Whatever goes wrong, then or later, voids the run. */
export async function connectFilePeer(
  name: string,
  port: number,
  token: string,
): Promise<FilePeer> {
  let ended = false;
  let upgrading: string | undefined = '';
  let text = '';
  let taken = 0;
  let bytesPerSecondMax = Infinity;
  let pause: Timer | undefined;
  let arrived: (() => void) | undefined;
  let unsent: Uint8Array | undefined;
  let drained = Promise.withResolvers<void>();

  const read = frameReader({
    data(chunk, start, end, frameBytes, last, opcode) {
      if (opcode !== opcodes.text) return peer.onBytes(chunk, start, end, frameBytes, last);
      text += utf8.decode(chunk.subarray(start, end));
      if (!last) return;
      const whole = text;
      text = '';
      const frame = JSON.parse(whole);
      if (frame.type === 'file_progress') return peer.onProgress(frame.received);
      if (frame.type === 'error' || frame.type === 'file_failed') voidRun(`${name}: ${whole}`);
      peer.texts.push(whole);
      arrived?.();
    },
    control(opcode, payload) {
      if (opcode === opcodes.ping) void peer.write(clientFrame(payload, opcodes.pong));
      if (opcode === opcodes.close)
        voidRun(`${name} was closed with ${(payload[0]! << 8) | payload[1]!}`);
    },
  });

  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      binaryType: 'uint8array',
      data(socket, chunk) {
        if (upgrading !== undefined) {
          upgrading += Buffer.from(chunk).toString('latin1');
          if (!upgrading.endsWith('\r\n\r\n')) return; // a player is not spoken to first
          if (!upgrading.startsWith('HTTP/1.1 101 ')) voidRun(`${name}: ${upgrading}`);
          upgrading = undefined;
          return void peer.write(clientFrame(sessionAuth(token)));
        }
        read(chunk);
        if (bytesPerSecondMax === Infinity) return;
        socket.pause();
        pause = setTimeout(() => socket.resume(), (chunk.length / bytesPerSecondMax) * 1000);
      },
      drain(socket) {
        if (unsent === undefined) return;
        unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
        if (unsent.length > 0) return;
        unsent = undefined;
        drained.resolve();
      },
      close() {
        if (!ended) voidRun(`${name} lost its connection`);
      },
    },
  });

  const peer: FilePeer = {
    texts: [],
    onProgress: () => {},
    onBytes: () => voidRun(`${name} got bytes`),
    async next(type, timeoutMs) {
      const find = () => {
        for (; taken < peer.texts.length; taken++) {
          const frame = JSON.parse(peer.texts[taken]!);
          if (frame.type === type) return frame;
        }
      };
      const waiting = (async () => {
        for (;;) {
          const frame = find();
          if (frame !== undefined) return (taken++, frame);
          await new Promise<void>((resolve) => (arrived = resolve));
        }
      })();
      return inTime(waiting, timeoutMs, () => `${name} to get ${type}, not ${peer.texts.at(-1)}`);
    },
    readAtMost(bytesPerSecond) {
      bytesPerSecondMax = bytesPerSecond;
      clearTimeout(pause);
      socket.resume();
    },
    say: (frame) => void peer.write(clientFrame(JSON.stringify(frame))),
    write(bytes) {
      if (unsent !== undefined) unsent = joined([unsent, bytes]);
      else {
        const rest = bytes.subarray(Math.max(0, socket.write(bytes)));
        if (rest.length === 0) return undefined;
        unsent = rest.slice();
        drained = Promise.withResolvers();
      }
      return drained.promise;
    },
    end() {
      ended = true;
      socket.terminate();
    },
  };
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64');
  socket.write(
    `GET /player HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await peer.next('user_list_update', waitMs);
  return peer;
}
