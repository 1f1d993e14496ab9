/** How much of everything a run does. */
export interface StatusSize {
  /** Fresh processes so many times, and pairs with each. */
  rounds: number;
  pairs: number;
  pairMs: number;
  warmMs: number;
  /** Turn of one server. */
  turnMs: number;
  /** At a fixed rate: longer turns, as a p99 is a matter of few requests. */
  paced: { pairs: number; pairMs: number; turnMs: number };
  /** Connections that ask for a page, one request in hand each. */
  askers: number;
  /** Sessions alive; the first is what the others stand against. */
  sessions: number[];
  /** Readers of the live feed, besides none. */
  readers: number[];
}

export const fullStatusSize: StatusSize = {
  rounds: 3,
  pairs: 3,
  pairMs: 1_000,
  warmMs: 1_500,
  turnMs: 4,
  paced: { pairs: 3, pairMs: 2_000, turnMs: 50 },
  askers: 16,
  sessions: [100, 1_000, 10_000],
  readers: [1, 100],
};

/** Seconds in all: whether everything works and every answer is accounted for, never how fast. */
export const smokeStatusSize: StatusSize = {
  rounds: 1,
  pairs: 1,
  pairMs: 40,
  warmMs: 20,
  turnMs: 4,
  paced: { pairs: 1, pairMs: 80, turnMs: 20 },
  askers: 4,
  sessions: [100, 250],
  readers: [3],
};
