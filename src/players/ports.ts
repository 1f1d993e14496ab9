import type { Clock, Topics } from '../sockets/ports.ts';
import type { Store } from '../store/store.ts';
import type { DirectLimits } from './direct.ts';
import type { PlayerFrames } from './messages.ts';
import type { ChangesPace } from './presence-changes.ts';
import type { SessionInUse } from './seat.ts';
import type { Transfers } from './transfers.ts';

export interface PlayersLimits extends DirectLimits {
  playersMax: number;
  reconnectGraceMs: number;
  handshakeTimeoutMs: number;
  pingIntervalMs: number;
  readDeadlineMs: number;
  slowTimeoutMs: number;
  linksMax: number;
  channelsMax: number;
  unacknowledgedMax: number;
  /** Frames a second of one connection; 0 is off. */
  rateLimit: number;
  /** `changesPace`; slower in simulations. */
  changesPace: ChangesPace;
}

/** Files between players, as far as connections cause anything there. */
export type FileSide = Pick<
  Transfers,
  'begin' | 'frame' | 'bytes' | 'joined' | 'left' | 'drained' | 'drain'
>;

export interface PlayersPorts {
  clock: Clock;
  topics: Topics;
  store: Store;
  frames: PlayerFrames;
  /** The live session of a token; `onEnd` is called when it is logged out or revoked. */
  enter(token: string, onEnd: () => void): SessionInUse | undefined;
  instanceName: string;
  newId(): string;
  transfers: FileSide;
  report(level: 'info' | 'warn' | 'error', event: string, fields: object): void;
}
