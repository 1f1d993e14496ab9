import type { Socket } from 'bun';
import { clientFrame, frameReader } from '../../bench/harness/frames.ts';
import type { FileContent } from './file-content.ts';
import { until } from './moonstead.ts';
import type { Game } from './players.ts';
import { upgrade } from './raw.ts';
import type { Frame } from './relay-client.ts';

const idBytes = 16;
const frameBytesMax = 256 * 1024;
const creditBytes = 4 * 1024 ** 2;
const opcodes = { text: 1, ping: 9, pong: 10 };
const utf8 = new TextDecoder();

/**
 * A player of protocol 2 made of bytes: sends and is given files of any size in little memory, as
 * slowly as it likes, and can be cut off at any byte.
 */
export class FilePeer {
  readonly frames: Frame[] = [];
  /** Of the file that it was given last: how much of it came, and its hash when that was all. */
  given = { bytes: 0, sha256: '' };
  /** Of a file that it sends: what it was told last. */
  told = 0;
  isGone = false;
  private socket!: Socket;
  private taken = 0;
  private hash = new Bun.CryptoHasher('sha256');
  private wake = () => {};
  private rateMax = Infinity;
  private unsent: Uint8Array = new Uint8Array(0);
  private readonly frame = Buffer.alloc(14 + idBytes + frameBytesMax);

  private constructor() {}

  /** Connects, and comes in with this token. */
  static async enter(game: Game, token: string): Promise<FilePeer> {
    const peer = new FilePeer();
    const { port } = game.server;
    let head = '';
    const read = peer.reader();
    peer.socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data(socket, chunk) {
          if (head.endsWith('\r\n\r\n')) {
            read(chunk);
            peer.rest(socket, chunk.length);
          } else head += chunk.toString('latin1'); // a player is not spoken to first
        },
        drain: () => peer.flush(),
        error: () => {},
        close: () => peer.gone(),
      },
    });
    game.guest(peer, (it) => it.cut());
    peer.write(Buffer.from(upgrade(port, { path: '/player' })));
    await until('the upgrade', () => head.endsWith('\r\n\r\n'));
    peer.say({ type: 'session_auth', token, protocol: 2 });
    await peer.next('user_list_update');
    return peer;
  }

  say(frame: object): void {
    this.write(clientFrame(JSON.stringify(frame)));
  }

  /** The next frame of one of these types; those before it are passed over. */
  next(...types: string[]): Promise<Frame> {
    return until(
      types.join(' or '),
      () => {
        while (this.taken < this.frames.length) {
          const one = this.frames[this.taken++]!;
          if (types.includes(one.type)) return one;
        }
        if (this.isGone) throw new Error(`gone: ${JSON.stringify(this.frames.at(-1))}`);
        return undefined;
      },
      60_000,
    );
  }

  /** Begins a file, or goes on with it; resolves with the offset where to go on. */
  async begin(targetUserId: string, transferId: string, fileSize: number): Promise<number> {
    const begin = { targetUserId, fileName: 'world.zip', fileSize, transferId };
    this.say({ type: 'file_send_begin', ...begin });
    const ready = await this.next('file_receive_ready', 'file_failed');
    if (ready.type === 'file_failed') throw new Error(ready.message);
    this.told = ready.offset;
    return ready.offset;
  }

  /** Sends what stands from `from` to `to`, never too far beyond the last progress. */
  async bytes(transferId: string, content: FileContent, from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += frameBytesMax) {
      const end = Math.min(to, at + frameBytesMax);
      await this.once(() => end - this.told <= creditBytes);
      this.write(this.framed(transferId, content, at, end));
      await this.once(() => this.unsent.length === 0);
    }
  }

  /** Sends only the first `bytes` of the frame that holds what stands from `from` to `to`. */
  part(transferId: string, content: FileContent, from: number, to: number, bytes: number): void {
    this.write(this.framed(transferId, content, from, to).subarray(0, bytes));
  }

  /** Reads at most so many bytes a second from now on; Infinity: as fast as it can. */
  readAtMost(bytesPerSecond: number): void {
    this.rateMax = bytesPerSecond;
    if (bytesPerSecond === Infinity) this.socket.resume();
  }

  /** Gone without a word; what the kernel has of it arrives all the same. */
  end(): void {
    this.socket.end();
  }

  /** The same, and what is on its way is lost. */
  cut(): void {
    this.gone();
    this.socket.terminate();
  }

  private gone(): void {
    this.isGone = true;
    this.wake();
  }

  /** The socket took something, or progress was told, until it is so. */
  private async once(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.isGone) throw new Error(`gone: ${JSON.stringify(this.frames.at(-1))}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private framed(transferId: string, content: FileContent, from: number, to: number): Buffer {
    const frame = this.frame.subarray(0, 14 + idBytes + to - from);
    // A mask of zeros, so that nothing has to be masked.
    frame.set([0x82, 0x80 | 127]);
    frame.writeBigUInt64BE(BigInt(idBytes + to - from), 2);
    frame.write(transferId, 14, 'hex');
    content.read(from, frame.subarray(14 + idBytes));
    return frame;
  }

  private write(bytes: Uint8Array): void {
    this.unsent = Buffer.concat([this.unsent, bytes]);
    this.flush();
  }

  private flush(): void {
    if (this.unsent.length === 0) return;
    this.unsent = this.unsent.subarray(Math.max(0, this.socket.write(this.unsent)));
    if (this.unsent.length === 0) this.wake();
  }

  /** After a piece of what came: does not read on before its time. */
  private rest(socket: Socket, bytes: number): void {
    if (this.rateMax === Infinity) return;
    socket.pause();
    setTimeout(() => socket.resume(), (bytes / this.rateMax) * 1000);
  }

  private reader(): (chunk: Uint8Array) => void {
    let text = '';
    let idLeft = idBytes;
    return frameReader({
      data: (chunk, start, end, _length, isLast, opcode) => {
        const piece = chunk.subarray(start, end);
        if (opcode === opcodes.text) {
          text += utf8.decode(piece);
          if (isLast) this.took(text);
          if (isLast) text = '';
          return;
        }
        const skipped = Math.min(idLeft, piece.length);
        idLeft = isLast ? idBytes : idLeft - skipped;
        this.given.bytes += piece.length - skipped;
        this.hash.update(piece.subarray(skipped));
      },
      control: (opcode, payload) => {
        if (opcode === opcodes.ping) this.write(clientFrame(payload, opcodes.pong));
      },
    });
  }

  private took(text: string): void {
    const frame = JSON.parse(text);
    if (frame.type === 'file_progress') {
      this.told = frame.received;
      return this.wake();
    }
    if (frame.type === 'file_send_begin') {
      this.given = { bytes: 0, sha256: '' };
      this.hash = new Bun.CryptoHasher('sha256');
    }
    if (frame.type === 'file_send_complete') this.given.sha256 = this.hash.digest('hex');
    this.frames.push(frame);
  }
}
