/**
 * Looks for damage that SQLite passes over in silence: it reads a write-ahead log up to the first
 * frame that does not fit and takes the rest for a commit that never finished. That is right after
 * a power loss, and wrong when whole commits follow: each was synced before the next one began, so
 * they had been acknowledged.
 *
 * The layout is that of https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
 *
 * `framesRead` is how many frames SQLite took. Returns what is wrong, or undefined.
 */
export function walDamage(wal: Buffer, framesRead: number): string | undefined {
  // SQLite syncs the header before the first frame: a log that ends here holds nothing.
  if (wal.length <= headerBytes) return undefined;
  if (!headerFits(wal)) return 'the header of the log is damaged';

  const frameBytes = 24 + wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let committed = false;
  for (
    let at = headerBytes + framesRead * frameBytes;
    at + frameBytes <= wal.length;
    at += frameBytes
  ) {
    // Another salt: left over from before the log was last begun anew.
    if (!wal.subarray(at + 8, at + 16).equals(salt)) continue;
    if (committed) return `commits follow a damaged frame of the log, number ${framesRead + 1}`;
    committed = wal.readUInt32BE(at + 4) > 0;
  }
  return undefined;
}

const headerBytes = 32;

function headerFits(wal: Buffer): boolean {
  const magic = wal.readUInt32BE(0);
  if (magic !== 0x377f0682 && magic !== 0x377f0683) return false;
  const word = (at: number) => (magic & 1 ? wal.readUInt32BE(at) : wal.readUInt32LE(at));
  let sum = 0;
  let sumOfSums = 0;
  for (let at = 0; at < 24; at += 8) {
    sum = (sum + word(at) + sumOfSums) >>> 0;
    sumOfSums = (sumOfSums + word(at + 4) + sum) >>> 0;
  }
  return sum === wal.readUInt32BE(24) && sumOfSums === wal.readUInt32BE(28);
}
