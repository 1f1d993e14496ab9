/** How much of everything a run does. */
export interface Size {
  /** Fresh processes so many times, and pairs with each. */
  rounds: number;
  pairs: number;
  pairMs: number;
  warmMs: number;
  /** Turn of one server in closed bursts. */
  turnMs: number;
  /** The same at a fixed rate: more and longer pairs, as a p99 is a matter of few messages. */
  paced: { pairs: number; pairMs: number; turnMs: number };
  /** Mods in the channel. */
  receivers: number[];
  sockets: number[];
  settleMs: number;
  senders: number;
  peers: boolean;
}

export const fullSize: Size = {
  rounds: 3,
  pairs: 3,
  pairMs: 1_000,
  warmMs: 1_500,
  turnMs: 4,
  paced: { pairs: 5, pairMs: 2_000, turnMs: 50 },
  receivers: [1, 20, 100],
  sockets: [1_000, 9_000],
  settleMs: 1_000,
  senders: 64,
  peers: true,
};

/** Seconds in all: whether everything works and every message is accounted for, never how fast. */
export const smokeSize: Size = {
  rounds: 1,
  pairs: 1,
  pairMs: 40,
  warmMs: 20,
  turnMs: 4,
  paced: { pairs: 1, pairMs: 80, turnMs: 20 },
  receivers: [3],
  sockets: [100],
  settleMs: 100,
  senders: 8,
  peers: false,
};
