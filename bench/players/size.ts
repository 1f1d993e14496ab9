import type { SlowReader } from './file-job.ts';

/** How much of everything a run does. */
export interface PlayersSize {
  /** Fresh processes so many times, and pairs with each. */
  rounds: number;
  pairs: number;
  pairMs: number;
  warmMs: number;
  /** Turn of one server. */
  turnMs: number;
  /** Players who are online while one comes and goes. */
  online: number[];
  /** Files: fresh processes for every pair. */
  filePairs: number;
  fileBytes: number;
  slow: SlowReader;
}

export const fullPlayersSize: PlayersSize = {
  rounds: 3,
  pairs: 3,
  pairMs: 1_000,
  warmMs: 1_500,
  turnMs: 4,
  online: [10, 100, 1_000],
  filePairs: 5,
  fileBytes: 2 ** 30,
  slow: { bytesPerSecond: 65_536, durationMs: 3_000 },
};

/** Seconds in all: whether everything works and every byte is accounted for, never how fast. */
export const smokePlayersSize: PlayersSize = {
  rounds: 1,
  pairs: 1,
  pairMs: 40,
  warmMs: 20,
  turnMs: 4,
  online: [20],
  filePairs: 1,
  fileBytes: 4 * 2 ** 20,
  slow: { bytesPerSecond: 65_536, durationMs: 200 },
};
