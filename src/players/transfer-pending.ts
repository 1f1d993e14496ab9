/** Smaller pieces are copied together: each by itself costs more memory than its bytes. */
const smallBytes = 16 * 1024;
const blockBytes = 64 * 1024;

/** Bytes that wait for the disk, of all transfers. */
export interface Memory {
  bytes: number;
}

/** Bytes of one transfer that wait for the disk. */
export class Pending {
  private parts: Uint8Array[] = [];
  /** The last part, when there may be room behind it. */
  private block: { bytes: Uint8Array; used: number } | undefined;
  bytes = 0;

  constructor(private readonly memory: Memory) {}

  /** Keeps `piece` as it is unless it is small. */
  push(piece: Uint8Array): void {
    this.bytes += piece.length;
    this.memory.bytes += piece.length;
    if (piece.length >= smallBytes) {
      this.closeBlock();
      this.parts.push(piece);
      return;
    }
    if (this.block !== undefined && this.block.used + piece.length > blockBytes) this.closeBlock();
    this.block ??= { bytes: new Uint8Array(blockBytes), used: 0 };
    this.block.bytes.set(piece, this.block.used);
    this.block.used += piece.length;
  }

  /** Everything, in order. It counts as memory until it is handed to `done`. */
  take(): Uint8Array[] {
    this.closeBlock();
    this.bytes = 0;
    return this.parts.splice(0);
  }

  /** What was taken is not needed any more, and gone at once. */
  done(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.memory.bytes -= part.length;
      // The collector would leave some 50 MB of such parts before it came.
      if (part.length >= smallBytes) (part.buffer as ArrayBuffer).transfer(0);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.done(this.take());
  }

  private closeBlock(): void {
    if (this.block === undefined) return;
    // A copy, for the rest of the block would stay in memory with it.
    this.parts.push(this.block.bytes.slice(0, this.block.used));
    this.block = undefined;
  }
}
