import type { Files, WritableFile } from '../../src/players/transfer-ports.ts';
import type { Clock } from '../../src/sockets/ports.ts';
import type { SeededRandom } from './random.ts';

interface SimFile {
  bytes: Uint8Array;
  /** From its start, these survive a crash. */
  synced: number;
  /** It survives a crash itself. */
  isNamed: boolean;
}

/**
 * A disk with moods: slow, failing, full. `crash` forgets what was not synced, or keeps some of it,
 * or nonsense in its place; and calls that were on their way never return.
 */
export class SimDisk {
  readonly files = new Map<string, SimFile>();
  capacity = Infinity;
  delayMaxMs = 5;
  failing = 0;
  /** Set, and every call waits until `go`. */
  isHeld = false;
  /** Bytes handed over to be written, and not answered for, by file. */
  readonly inHand = new Map<string, number>();
  readsInHand = 0;
  /** Called when bytes were handed over. */
  onAppend: () => void = () => {};
  private held: (() => void)[] = [];
  private line = { isCut: false };
  /** Removed, but not synced: they may come back. */
  private removed: [string, SimFile][] = [];

  constructor(
    private readonly clock: Clock,
    private readonly random: SeededRandom,
  ) {}

  get used(): number {
    return this.files.values().reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Ends `isHeld`. */
  go(): void {
    this.isHeld = false;
    for (const go of this.held.splice(0)) go();
  }

  crash(): void {
    const { random } = this;
    this.line.isCut = true;
    this.line = { isCut: false };
    this.held = [];
    this.inHand.clear();
    this.readsInHand = 0;
    for (const [id, file] of this.removed) if (random.chance(0.3)) this.files.set(id, file);
    this.removed = [];
    for (const [id, file] of this.files) {
      if (!file.isNamed && random.chance(0.5)) this.files.delete(id);
      const kept = random.whole(file.synced, file.bytes.length);
      file.bytes = file.bytes.slice(0, kept);
      if (random.chance(0.5)) file.bytes.fill(0xee, file.synced);
      file.synced = kept;
      file.isNamed = true;
    }
  }

  /** The disk as one run of the program sees it. */
  connect(): Files {
    const { files, random } = this;
    const later = this.later();
    const fileOf = (id: string) => {
      const file = files.get(id);
      if (file === undefined) throw new Error(`no file ${id}`);
      return file;
    };

    return {
      write: (id, bytes) =>
        later(() => {
          if (bytes === 0 && files.has(id)) throw new Error(`${id} is there already`);
          if (bytes === 0) files.set(id, { bytes: new Uint8Array(0), synced: 0, isNamed: false });
          const file = fileOf(id);
          if (file.bytes.length < bytes) throw new Error('the file is shorter');
          file.bytes = file.bytes.slice(0, bytes);
          file.synced = Math.min(file.synced, bytes);
          return this.open(id, file, later);
        }),
      read: (id, offset, into) => {
        this.readsInHand += 1;
        const read = later(() => {
          const part = fileOf(id).bytes.subarray(offset, offset + into.length);
          if (part.length < into.length) throw new Error('the file ends');
          into.set(part);
        });
        const { line } = this;
        const over = () => {
          if (line === this.line) this.readsInHand -= 1;
        };
        read.then(over, over);
        return read;
      },
      remove: (id) =>
        later(() => {
          const file = files.get(id);
          if (file !== undefined && random.chance(0.5)) this.removed.push([id, file]);
          files.delete(id);
        }),
      list: () => later(() => [...files].map(([id, { bytes }]) => ({ id, bytes: bytes.length }))),
      freeBytes: () => later(() => this.capacity - this.used),
    };
  }

  private open(id: string, file: SimFile, later: Later): WritableFile {
    const { inHand } = this;
    return {
      append: (parts) => {
        const bytes = Buffer.concat(parts);
        const { line } = this;
        inHand.set(id, (inHand.get(id) ?? 0) + bytes.length);
        this.onAppend();
        const written = later(() => {
          const room = Math.max(0, this.capacity - this.used);
          const part = Buffer.concat(parts).subarray(0, room);
          if (!part.equals(bytes.subarray(0, room)))
            throw new Error('changed while it was written');
          file.bytes = Buffer.concat([file.bytes, part]);
          if (part.length < bytes.length) throw new Error('the disk is full');
        });
        const over = () => {
          if (line === this.line) inHand.set(id, inHand.get(id)! - bytes.length);
        };
        written.then(over, over);
        return written;
      },
      sync: () => {
        // What is appended beside it is none of its business.
        const { length } = file.bytes;
        return later(() => {
          file.synced = Math.max(file.synced, length);
          file.isNamed = true;
        });
      },
      sha256: () => sha256Of(file.bytes),
    };
  }

  private later(): Later {
    const { line } = this;
    return (act) =>
      new Promise((resolve, reject) => {
        const answer = () => {
          if (line.isCut) return;
          if (this.random.chance(this.failing)) return reject(new Error('bad disk'));
          try {
            resolve(act());
          } catch (error) {
            reject(error);
          }
        };
        const delayMs = this.random.next() * this.delayMaxMs;
        if (this.isHeld) this.held.push(answer);
        else this.clock.after(delayMs, answer);
      });
  }
}

type Later = <Value>(act: () => Value) => Promise<Value>;

export function sha256Of(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex');
}
