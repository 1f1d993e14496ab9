import type { Clock } from '../sockets/ports.ts';
import type { RecordStore } from '../store/store.ts';
import type { PlayerSeat } from './seat.ts';

/** A folder of files with names of ours (32 hex characters). */
export interface Files {
  /**
   * A file to write to: a new one, or an earlier one of which the first `bytes` count. What it has
   * beyond them is cut off, and they are hashed again.
   */
  write(id: string, bytes: number): Promise<WritableFile>;
  /** Fills `into` with what stands from `offset` on; rejects when there is less. */
  read(id: string, offset: number, into: Uint8Array): Promise<void>;
  /** One that is not there is none of the caller's worry. */
  remove(id: string): Promise<void>;
  list(): Promise<{ id: string; bytes: number }[]>;
  /** What the disk has left. */
  freeBytes(): Promise<number>;
}

/** After a rejection it must not be used. */
export interface WritableFile {
  /** Writes at the end, one call at a time; the parts are read until the promise settles. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /**
   * What was appended before the call, and the file itself, survive power loss. One call at a time;
   * `append` may go on beside it.
   */
  sync(): Promise<void>;
  /** Of everything in the file, as hex. Nothing can be appended any more. */
  sha256(): string;
}

export interface TransferPorts {
  clock: Clock;
  files: Files;
  records: RecordStore;
  /** 32 hex characters that nobody can guess. */
  newId(): string;
  /** The connection of a user who is online. */
  seatOf(userId: string): PlayerSeat | undefined;
  report(level: 'info' | 'warn' | 'error', event: string, fields: object): void;
}

/** What the frames of protocol 2 fix. */
export const protocolSizes = {
  /** Of a binary frame, without the 16 bytes of the id. */
  frameBytesMax: 256 * 1024,
  /** Written since the last `file_progress`, there is another. */
  progressBytes: 1024 * 1024,
  /** What a sender may send beyond the last `file_progress`. */
  creditBytes: 4 * 1024 * 1024,
  /** So much written beyond what is safe, it is made safe; a crash costs at most four times that. */
  checkpointBytes: 16 * 1024 * 1024,
};

export interface TransferLimits {
  fileBytesMax: number;
  /** Of protocol 1; 0: none. */
  legacyBytesMax: number;
  /** How long a file waits for its receiver. */
  keepMs: number;
  /** How long a broken transfer waits for its sender. */
  resumeMs: number;
  /** How long nothing may come of a transfer; of protocol 1, for each MB of it. */
  stallMs: number;
  /** Transfers of one sender that are under way or can be resumed. */
  perUserMax: number;
  /** Files of one sender, and of all: in memory each has a record of up to 1 KB. */
  userFilesMax: number;
  filesMax: number;
  /** Disk for the files of one sender, and of all. */
  userBytesMax: number;
  totalBytesMax: number;
  /** What is left free on the disk, for the database. */
  freeBytesMin: number;
  /** Bytes in memory that wait for the disk, of all transfers. */
  memoryBytesMax: number;
  /** `protocolSizes`; smaller in simulations. */
  sizes: typeof protocolSizes;
}
