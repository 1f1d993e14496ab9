import type { PlayerSeat } from './seat.ts';
import { type Memory, Pending } from './transfer-pending.ts';

/** A transfer under way from its sender, for as long as one connection lasts. */
export interface Upload {
  /** Undefined once it is gone. */
  seat: PlayerSeat | undefined;
  readonly protocol: 1 | 2;
  /** Its `keyOf`. */
  readonly key: string;
  /** There was free disk for it. */
  hasRoom: boolean;
  /** `file_receive_ready` was told. */
  isReady: boolean;
  /** `file_send_complete` has come. */
  isEnding: boolean;
  isWriting: boolean;
  /** When something came last, or could. */
  movedMs: number;
  readonly pending: Pending;
  /** Bytes from the start of the file: that came, that are written, that the sender knows of. */
  received: number;
  written: number;
  told: number;
}

export function newUpload(seat: PlayerSeat, key: string, memory: Memory, nowMs: number): Upload {
  return {
    seat,
    protocol: seat.protocol,
    key,
    hasRoom: false,
    isReady: false,
    isEnding: false,
    isWriting: false,
    movedMs: nowMs,
    pending: new Pending(memory),
    received: 0,
    written: 0,
    told: 0,
  };
}

/** What one upload of a connection is known by. Protocol 1 has no ids, and one upload at a time. */
export function keyOf(protocol: 1 | 2, transferId: string): string {
  return protocol === 1 ? '' : transferId.toLowerCase();
}
