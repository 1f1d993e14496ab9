import { expect } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './moonstead.ts';
import type { Arrival, Game } from './players.ts';
import { frame, opcodes } from './raw.ts';
import type { Frame } from './relay-client.ts';

export const mib = 1024 ** 2;

/** What a binary frame of protocol 2 may hold behind its id. */
export const pieceBytes = 256 * 1024;

/** How far a sender may be beyond what it was told. */
const creditBytes = 4 * mib;

/** What came over a socket: a frame of JSON, a text that is none, or bytes. */
type Got = Frame | string | Buffer;

/** A file as a target was given it; `pieces` are its binary frames, with their ids if they have any. */
interface Given {
  begin: Frame;
  pieces: Buffer[];
  end: Frame;
  bytes: Buffer;
}

/** What a sender says of a file beside its bytes. */
export interface Label {
  fileName?: string;
  transferId?: string;
  sha256?: string;
  fileSize?: number;
}

export const newId = () => randomBytes(16).toString('hex');
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A binary frame of protocol 2. */
export const piece = (id: string, bytes: Uint8Array = new Uint8Array(0)) =>
  Buffer.concat([Buffer.from(id, 'hex'), bytes]);

/** The same as a client made of bytes writes it. */
export const rawPiece = (id: string, bytes?: Uint8Array) =>
  frame(piece(id, bytes), { opcode: opcodes.binary });

/** `file_send_begin` of a file. */
export const begin = (targetUserId: string, fileSize: unknown, label: object = {}) => ({
  type: 'file_send_begin',
  targetUserId,
  fileName: 'file.bin',
  fileSize,
  ...label,
});

export const complete = (transferId?: string) => ({ type: 'file_send_complete', transferId });

/** A player on Bun's own WebSocket that sends files and is given them. */
export class FilePlayer {
  readonly got: Got[] = [];
  closed: { code: number; reason: string } | undefined;
  private taken = 0;

  private constructor(
    readonly socket: WebSocket,
    readonly protocol: 1 | 2,
  ) {
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      this.got.push(typeof data === 'string' ? readText(data) : Buffer.from(data));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  /** One that is in. What it is given from then on, it is given at once. */
  static async enter(game: Game, userId: string, arrival: Arrival = {}): Promise<FilePlayer> {
    const socket = game.guest(new WebSocket(game.url('/player')), (it) => it.close());
    const player = new FilePlayer(socket, arrival.protocol ?? 2);
    await until('the upgrade', () => socket.readyState === WebSocket.OPEN);
    player.say(await game.hello(userId, arrival));
    await player.frame('user_list_update');
    return player;
  }

  say(...frames: unknown[]): void {
    for (const one of frames) this.socket.send(typeof one === 'string' ? one : JSON.stringify(one));
  }

  /** The next thing that `pick` makes something of; what is before it is passed over. */
  next<T>(what: string, pick: (got: Got) => T | undefined): Promise<NonNullable<T>> {
    return until(what, () => {
      while (this.taken < this.got.length) {
        const value = pick(this.got[this.taken++]!);
        if (value !== undefined) return value;
      }
      if (this.closed) throw new Error(`closed: ${this.closed.code} ${this.closed.reason}`);
      return undefined;
    });
  }

  /** The next frame of one of these types. */
  frame(...types: string[]): Promise<Frame> {
    return this.next(types.join(' or '), (got) => (isOf(got, ...types) ? got : undefined));
  }

  /** The next text that is no JSON. */
  text(): Promise<string> {
    return this.next('a text', (got) => (typeof got === 'string' ? got : undefined));
  }

  /** Frames of a type that came so far. */
  all(type: string): Frame[] {
    return this.got.filter((got): got is Frame => isOf(got, type));
  }

  /** Waits until all that was said is answered. */
  async settled(): Promise<void> {
    this.say({ type: 'ping' });
    await this.frame('pong');
  }

  /** The next file, whole. */
  async file(): Promise<Given> {
    const head = await this.frame('file_send_begin');
    const pieces: Buffer[] = [];
    const end = await this.next('the end of the file', (got) => {
      if (Buffer.isBuffer(got)) pieces.push(got);
      return isOf(got, 'file_send_complete') ? got : undefined;
    });
    const id = this.protocol === 2 ? (head.transferId as string) : '';
    for (const one of pieces) expect(one.toString('hex', 0, id.length / 2)).toBe(id);
    const bytes = Buffer.concat(pieces.map((one) => one.subarray(id.length / 2)));
    return { begin: head, pieces, end, bytes };
  }

  /** The same, and says that it has it. */
  async take(): Promise<Given> {
    const given = await this.file();
    this.say({ type: 'file_received', transferId: given.begin.transferId });
    return given;
  }

  /** Begins a file of protocol 2; resolves with what is answered. */
  begin(targetUserId: string, fileSize: number, label: Label = {}): Promise<Frame> {
    this.say(begin(targetUserId, fileSize, label));
    return this.frame('file_receive_ready', 'file_failed');
  }

  /** Sends a part of a file of protocol 2, never too far beyond the last progress. */
  async bytes(id: string, bytes: Buffer, from = 0, to = bytes.length): Promise<void> {
    for (let at = from; at < to; at += pieceBytes) {
      const end = Math.min(at + pieceBytes, to);
      await until('progress', () => end - this.told(id, from) <= creditBytes);
      this.socket.send(piece(id, bytes.subarray(at, end)));
    }
  }

  /** Sends a file; resolves with what became of it. */
  async send(targetUserId: string, bytes: Buffer, label: Label = {}): Promise<Frame> {
    const { transferId = newId() } = label;
    const ready = await this.begin(targetUserId, bytes.length, { ...label, transferId });
    if (ready.type === 'file_failed') return ready;
    await this.bytes(transferId, bytes, ready.offset);
    return this.complete(transferId);
  }

  complete(transferId: string): Promise<Frame> {
    this.say(complete(transferId));
    return this.frame('file_sent', 'file_failed');
  }

  /** Sends a file as today's plugin does; resolves with the last text. */
  async sendLegacy(targetUserId: string, parts: Buffer[], label: Label = {}): Promise<string> {
    const { fileName = 'file.bin', fileSize = Buffer.concat(parts).length } = label;
    this.say(begin(targetUserId, fileSize, { fileName }));
    const ready = await this.text();
    if (ready !== 'file_receive_ready') return ready;
    for (const part of parts) this.socket.send(new Uint8Array(part));
    this.say({ type: 'file_send_complete', targetUserId, fileName });
    return this.text();
  }

  async close(): Promise<void> {
    this.socket.close();
    await until('the close', () => this.closed);
  }

  private told(id: string, from: number): number {
    const progress = this.all('file_progress').findLast(({ transferId }) => transferId === id);
    return Math.max(from, progress?.received ?? 0);
  }
}

/** Names of the files in transfer. */
export function inTransfer({ server }: Game): string[] {
  return readdirSync(join(server.folder, 'data', 'transfers'));
}

/** Bytes of the files in transfer. */
export function bytesInTransfer(game: Game): number {
  const folder = join(game.server.folder, 'data', 'transfers');
  return inTransfer(game).reduce((sum, name) => sum + sizeOf(join(folder, name)), 0);
}

/** Waits until the disk holds this many files in transfer. */
export function filesLeft(game: Game, count: number): Promise<boolean> {
  return until(`${count} files on disk`, () => inTransfer(game).length === count);
}

/** Fails unless two who are new can talk, and one can send the other a file that leaves nothing. */
export async function stillCarries(game: Game): Promise<void> {
  await game.stillServes();
  const name = newId();
  const enter = (end: string) => FilePlayer.enter(game, `${name}-${end}`);
  const [sender, target] = [await enter('sender'), await enter('target')];
  const bytes = randomBytes(300_000);
  const sent = await sender.send(`${name}-target`, bytes);
  expect(sent).toMatchObject({ type: 'file_sent', delivered: true, sha256: sha256(bytes) });
  const given = await target.take();
  expect(given.bytes.equals(bytes)).toBe(true);
  await until('its end', () => !inTransfer(game).includes(given.begin.transferId));
  await Promise.all([sender.close(), target.close()]);
}

function isOf(got: Got, ...types: string[]): got is Frame {
  return typeof got === 'object' && !Buffer.isBuffer(got) && types.includes(got.type);
}

function readText(text: string): Got {
  return text.startsWith('{') ? (JSON.parse(text) as Frame) : text;
}

/** A file may be gone since its folder was read. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
