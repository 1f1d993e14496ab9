import { randomBytes } from 'node:crypto';
import { cpuNs, residentBytes } from '../harness/process-cost.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import { connectFilePeer, type FilePeer } from './file-peer.ts';
import type { PlayersTarget } from './servers.ts';
import { tokensOf } from './tokens.ts';

/** One file to warm up and one that counts; then perhaps one more, read slowly. */
export interface FileJob {
  kind: 'players-file';
  target: PlayersTarget;
  /** Size of each, a multiple of 256 KiB. */
  fileBytes: number;
  slow?: SlowReader;
  /** How long one way of a file may take before it counts as lost; `oneWayMs` if absent. */
  waitMs?: number;
}

/** A receiver that reads at most so much for so long, and then as fast as it can. */
export interface SlowReader {
  bytesPerSecond: number;
  durationMs: number;
}

export interface FileFigure {
  /** From the first word of it to the last byte of it, sender to receiver. */
  bytesPerSecond: number;
  /** The part until the sender is told that it was sent, and the rest. */
  toDiskPerSecond: number;
  fromDiskPerSecond: number;
  /** The server's CPU time for 1 MiB of it. */
  cpuNsPerMb: number;
  /** The server's largest resident memory meanwhile, above what it had before its first file. */
  aboveIdleBytes: number;
}

export interface FileResult {
  fast: FileFigure;
  slow: FileFigure | undefined;
  /** What sender and receiver were told of the files, without ids and hashes. */
  told: string;
  /** Sent, received and compared, without those to warm up. */
  bytes: number;
}

const frameBytes = 262_144;
const idBytes = 16;
const headBytes = 14;
const framesReady = 16;
const aheadBytesMax = 4 * 1024 * 1024;
const sampleMs = 10;
/** Below this a file counts as lost: a disk that others use as well may be as slow. */
const bytesPerSecondMin = 8 * 2 ** 20;

/** How long a file may take to the disk, or from it. */
export function oneWayMs(fileBytes: number): number {
  return 30_000 + (fileBytes / bytesPerSecondMin) * 1000;
}

/** The file: these bytes over and over. Its frames have a mask of zeros, so they are ready to go. */
const period = randomBytes(frameBytes * framesReady);

export async function runFile(job: FileJob): Promise<FileResult> {
  const { target, fileBytes, slow, waitMs = oneWayMs(fileBytes) } = job;
  const sha256 = hashOf(fileBytes);
  const [from, to] = await tokensOf(target.port, ['sender', 'receiver']);
  const sender = await connectFilePeer(`${target.name}: sender`, target.port, from!);
  const receiver = await connectFilePeer(`${target.name}: receiver`, target.port, to!);
  const memory = watchMemory(target.pid);
  let bytes = 0;
  const send = async (slowly?: SlowReader): Promise<FileFigure> => {
    const cpuBefore = cpuNs(target.pid);
    const times = await transfer(sender, receiver, { fileBytes, sha256, waitMs, slowly });
    const cpu = cpuNs(target.pid) - cpuBefore;
    bytes += fileBytes;
    return {
      bytesPerSecond: fileBytes / (times.toDisk + times.fromDisk),
      toDiskPerSecond: fileBytes / times.toDisk,
      fromDiskPerSecond: fileBytes / times.fromDisk,
      cpuNsPerMb: cpu / (fileBytes / 2 ** 20),
      aboveIdleBytes: memory.peak(),
    };
  };
  // The machine may have to find the memory for the disk's cache first, which takes longer than to
  // write; what the file before leaves is there at once.
  await transfer(sender, receiver, { fileBytes, sha256, waitMs });
  const fast = await send();
  const texts = [sender, receiver].map((peer) => peer.texts.filter((text) => /"file_/.test(text)));
  const told = JSON.stringify(texts)
    .replace(/\b[0-9a-f]{32}\b/g, 'id')
    .replaceAll(sha256, 'sha256');
  const slowed = slow && (await send(slow));
  await Bun.sleep(50); // for what would come too much
  memory.end();
  sender.end();
  receiver.end();
  return { fast, slow: slowed, told, bytes };
}

/** Sends one file and compares what arrives, byte for byte; gives the seconds that both ways took. */
async function transfer(
  sender: FilePeer,
  receiver: FilePeer,
  file: { fileBytes: number; sha256: string; waitMs: number; slowly?: SlowReader | undefined },
): Promise<{ toDisk: number; fromDisk: number }> {
  const { fileBytes, sha256, waitMs, slowly } = file;
  const transferId = randomBytes(idBytes).toString('hex');
  let received = 0;
  let idLeft = idBytes;
  receiver.onBytes = (chunk, start, end, _length, last) => {
    if (received === fileBytes) voidRun(`bytes behind the end, at ${fileBytes}`);
    const skipped = Math.min(idLeft, end - start);
    idLeft = last ? idBytes : idLeft - skipped;
    for (let at = start + skipped; at < end;) {
      const from = received % period.length;
      const length = Math.min(end - at, period.length - from);
      if (period.compare(chunk, at, at + length, from, from + length) !== 0)
        voidRun(`a byte behind ${received} is another`);
      at += length;
      received += length;
    }
  };
  const frames = readyFrames(transferId);
  const start = performance.now();
  let confirmed = 0;
  let mayGoOn = () => {};
  sender.onProgress = (bytes) => {
    confirmed = bytes;
    mayGoOn();
  };
  sender.say({
    type: 'file_send_begin',
    targetUserId: 'receiver',
    fileName: 'world.zip',
    fileSize: fileBytes,
    sha256,
    transferId,
  });
  await sender.next('file_receive_ready', waitMs);
  for (let sent = 0; sent < fileBytes; sent += frameBytes) {
    while (sent + frameBytes > confirmed + aheadBytesMax) {
      const goesOn = new Promise<void>((resolve) => (mayGoOn = resolve));
      await inTime(goesOn, waitMs, () => `progress beyond ${confirmed} of ${fileBytes}`);
    }
    await sender.write(frames[(sent / frameBytes) % framesReady]!);
  }
  if (slowly !== undefined) receiver.readAtMost(slowly.bytesPerSecond);
  sender.say({ type: 'file_send_complete', transferId });
  await sender.next('file_sent', waitMs);
  const onDisk = performance.now();
  if (slowly !== undefined) {
    await Bun.sleep(slowly.durationMs);
    receiver.readAtMost(Infinity);
  }
  const begun = await receiver.next('file_send_begin', waitMs);
  await receiver.next('file_send_complete', waitMs);
  const end = performance.now();
  if (received !== fileBytes) voidRun(`${received} of ${fileBytes} bytes arrived`);
  receiver.say({ type: 'file_received', transferId: begun.transferId });
  return { toDisk: (onDisk - start) / 1000, fromDisk: (end - onDisk) / 1000 };
}

function readyFrames(transferId: string): Uint8Array[] {
  return Array.from({ length: framesReady }, (_, n) => {
    const frame = Buffer.alloc(headBytes + idBytes + frameBytes);
    frame.set([0x82, 0x80 | 127]);
    frame.writeBigUInt64BE(BigInt(idBytes + frameBytes), 2);
    frame.write(transferId, headBytes, 'hex');
    period.copy(frame, headBytes + idBytes, n * frameBytes, (n + 1) * frameBytes);
    return frame;
  });
}

function hashOf(fileBytes: number): string {
  const hash = new Bun.CryptoHasher('sha256');
  for (let left = fileBytes; left > 0; left -= period.length)
    hash.update(period.subarray(0, Math.min(left, period.length)));
  return hash.digest('hex');
}

/** Watches a process's resident memory; `peak` is above what it was at the beginning. */
function watchMemory(pid: number) {
  const idle = residentBytes(pid);
  let most = idle;
  const sample = () => (most = Math.max(most, residentBytes(pid)));
  const timer = setInterval(sample, sampleMs);
  return {
    peak: () => sample() - idle,
    end: () => clearInterval(timer),
  };
}
