import { SeededRandom } from '../sim/random.ts';

const blockBytes = 1024 ** 2;

/** A file that is never in memory as a whole: each of its megabytes is another, and a seed makes it. */
export class FileContent {
  private readonly block = Buffer.alloc(blockBytes);

  constructor(
    readonly bytes: number,
    seed: number,
  ) {
    const random = new SeededRandom(seed);
    for (let at = 0; at < blockBytes; at += 4)
      this.block.writeUInt32LE(random.whole(0, 0xffff_ffff), at);
  }

  /** Fills `into` with what stands from `offset` on. */
  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length;) {
      const number = Math.floor((offset + at) / blockBytes);
      const start = (offset + at) % blockBytes;
      const length = Math.min(into.length - at, blockBytes - start);
      this.block.writeUInt32LE(number, 0);
      into.set(this.block.subarray(start, start + length), at);
      at += length;
    }
  }

  sha256(): string {
    const hash = new Bun.CryptoHasher('sha256');
    const piece = new Uint8Array(blockBytes);
    for (let at = 0; at < this.bytes; at += blockBytes) {
      const part = piece.subarray(0, Math.min(blockBytes, this.bytes - at));
      this.read(at, part);
      hash.update(part);
    }
    return hash.digest('hex');
  }
}
