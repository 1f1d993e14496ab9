import type { FileFrame } from '../../src/players/file-frames.ts';
import { newSeat, type PlayerPeer, type PlayerSeat } from '../../src/players/seat.ts';
import type { Files, TransferLimits } from '../../src/players/transfer-ports.ts';
import { Transfers } from '../../src/players/transfers.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RecordStore } from '../../src/store/store.ts';
import { SimClock } from '../sim/clock.ts';
import { SeededRandom } from '../sim/random.ts';
import { SimDisk } from '../sim/transfers-disk.ts';

/** Everything a thousandth or so of what it is by default, so that tests can count it. */
export const smallLimits: TransferLimits = {
  fileBytesMax: 10_000,
  legacyBytesMax: 2_000,
  keepMs: 600_000,
  resumeMs: 500_000,
  stallMs: 400_000,
  perUserMax: 4,
  userFilesMax: 20,
  filesMax: 30,
  userBytesMax: 30_000,
  totalBytesMax: 50_000,
  freeBytesMin: 100,
  memoryBytesMax: 5_000,
  sizes: { frameBytesMax: 64, progressBytes: 256, creditBytes: 1024, checkpointBytes: 2048 },
};

/** The core with a clock that the test moves, and a disk and people that do what the test says. */
export class TransferStage {
  readonly clock = new SimClock();
  readonly disk = new SimDisk(this.clock, new SeededRandom(1));
  readonly store = memoryStore();
  readonly events: string[] = [];
  readonly online = new Map<string, Player>();
  /** Set, and every write of the store fails. */
  isStoreFull = false;
  /** Set, and no file can be removed. */
  isRemovalFailing = false;
  transfers!: Transfers;
  private serial = 0;

  private constructor(private readonly limits: TransferLimits) {
    // Calls of the disk are answered in their order.
    this.disk.delayMaxMs = 0;
  }

  static async start(limits: Partial<TransferLimits> = {}): Promise<TransferStage> {
    const stage = new TransferStage({ ...smallLimits, ...limits });
    await stage.restart();
    return stage;
  }

  /** The program ends without a word, and starts again; everybody's connection ends. */
  async crash(): Promise<void> {
    this.disk.crash();
    await this.restart();
  }

  async restart(): Promise<void> {
    this.transfers?.end();
    this.online.clear();
    const { clock } = this;
    this.transfers = new Transfers(
      {
        clock,
        files: this.files(),
        records: this.records(),
        newId: () => (this.serial += 1).toString(16).padStart(32, '0'),
        seatOf: (userId) => this.online.get(userId)?.seat,
        report: (_level, event, fields) =>
          void this.events.push([event, ...Object.values(fields)].join(' ')),
      },
      this.limits,
    );
    let hasBegun = false;
    void this.transfers.begin().then(() => (hasBegun = true));
    await clock.run(1000, () => hasBegun);
  }

  join(userId: string, protocol: 1 | 2 = 2): Player {
    this.online.get(userId)?.leave();
    const player = new Player(this, userId, protocol);
    this.online.set(userId, player);
    this.transfers.joined(player.seat);
    return player;
  }

  /** Lets everything happen that happens at once. */
  run(durationMs = 100): Promise<void> {
    return this.clock.run(durationMs);
  }

  async stored(): Promise<Record<string, unknown>[]> {
    const all = await this.store.records.all('transfers');
    return all.map(({ key, text }) => ({ id: key, ...JSON.parse(text) }));
  }

  private files(): Files {
    const files = this.disk.connect();
    const remove = (id: string) =>
      this.isRemovalFailing ? Promise.reject(new Error('cannot remove')) : files.remove(id);
    return { ...files, remove };
  }

  private records(): RecordStore {
    const { records } = this.store;
    const fails = () => Promise.reject(new Error('the store is full'));
    return {
      all: (set) => records.all(set),
      put: (set, added) => (this.isStoreFull ? fails() : records.put(set, added)),
      drop: (set, keys) => (this.isStoreFull ? fails() : records.drop(set, keys)),
    };
  }
}

type Told = string | Record<string, any> | Uint8Array;

/** A connection: what it is told, and what it says. */
export class Player {
  readonly told: Told[] = [];
  readonly seat: PlayerSeat;
  closed: number | undefined;
  /** Reads nothing. */
  isStuck = false;
  /** Bytes that it has not read. */
  buffered = 0;

  constructor(
    private readonly stage: TransferStage,
    readonly userId: string,
    protocol: 1 | 2,
  ) {
    const peer: Partial<PlayerPeer> = {
      send: (frame) => {
        this.told.push(typeof frame === 'string' ? readText(frame) : frame.slice());
        if (this.isStuck) this.buffered += frame.length;
      },
      close: (code) => {
        this.closed = code;
        this.leave();
      },
      getBufferedAmount: () => this.buffered,
    };
    this.seat = newSeat(peer as PlayerPeer, 'somewhere', stage.clock, 0);
    Object.assign(this.seat, { state: 'open', userId, protocol });
  }

  say(frame: FileFrame): void {
    this.stage.transfers.frame(this.seat, frame);
  }

  begin(fileSize: number, more: Record<string, unknown> = {}): void {
    const frame = { targetUserId: 'bob', fileName: 'a.txt', fileSize, ...more };
    this.say({ type: 'file_send_begin', ...frame });
  }

  complete(transferId?: string, more: Record<string, unknown> = {}): void {
    this.say({ type: 'file_send_complete', ...(transferId && { transferId }), ...more });
  }

  /** Binary frames as they are. */
  raw(...frames: Uint8Array[]): void {
    for (const frame of frames) this.stage.transfers.bytes(this.seat, frame);
  }

  /** Binary frames of a transfer, each as large as it may be. */
  send(transferId: string, content: Uint8Array, frameBytes = 64): void {
    for (let at = 0; at < content.length; at += frameBytes)
      this.raw(frameOf(transferId, content.subarray(at, at + frameBytes)));
  }

  /** A whole file, as a patient client sends it; resolves when that was answered. */
  async give(content: Uint8Array, more: Record<string, unknown> = {}): Promise<Told> {
    this.begin(content.length, more);
    await this.stage.run();
    const ready = this.take();
    if (ready === 'file_receive_ready') {
      this.raw(content);
      this.complete();
    } else if (ready?.type === 'file_receive_ready') {
      for (let at = ready.offset; at < content.length; at += 512) {
        this.send(ready.transferId, content.subarray(at, at + 512));
        await this.stage.run();
      }
      this.complete(ready.transferId);
    } else return ready;
    await this.stage.run();
    this.told.splice(0, this.told.findLastIndex((one: any) => one.type === 'file_progress') + 1);
    return this.take();
  }

  /** The next thing that it was told. */
  take(): any {
    return this.told.shift();
  }

  /** All that it was told. */
  takeAll(): any[] {
    return this.told.splice(0);
  }

  /** Reads on until only `left` bytes wait. */
  read(left = 0): void {
    this.buffered = left;
    this.stage.transfers.drained(this.seat);
  }

  leave(): void {
    if (this.seat.state === 'closed') return;
    this.seat.state = 'closed';
    if (this.stage.online.get(this.userId) === this) this.stage.online.delete(this.userId);
    this.stage.transfers.left(this.seat);
  }
}

function readText(text: string): Told {
  return text.startsWith('{') ? JSON.parse(text) : text;
}

export function frameOf(transferId: string, piece: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(transferId, 'hex'), piece]);
}

/** A file like no other. */
export function contentOf(bytes: number, seed = 1): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length: bytes }, () => random.whole(0, 255));
}

/** What a target was given: one file after the other, with what was not whole. */
export function filesGiven(told: readonly any[], protocol: 1 | 2 = 2) {
  const files: { begin: any; content: Uint8Array; isWhole: boolean }[] = [];
  for (const one of told) {
    const file = files.at(-1);
    if (one instanceof Uint8Array) {
      const id = protocol === 2 ? Buffer.from(one.subarray(0, 16)).toString('hex') : undefined;
      if (file === undefined || (id ?? file.begin.transferId) !== file.begin.transferId)
        throw new Error('bytes of no file');
      file.content = Buffer.concat([file.content, one.subarray(protocol === 2 ? 16 : 0)]);
    } else if (one.type === 'file_send_begin')
      files.push({ begin: one, content: new Uint8Array(0), isWhole: false });
    else if (one.type === 'file_send_complete') {
      if (one.transferId !== file?.begin.transferId) throw new Error('the end of no file');
      file!.isWhole = true;
    }
  }
  return files;
}
