/** How much of everything a run does. */
export interface Size {
  /** Fresh processes so many times, and pairs with each. */
  rounds: number;
  pairs: number;
  pairMs: number;
  warmMs: number;
  /** Turn of one server in closed bursts, and at a fixed rate. */
  turnMs: number;
  pacedTurnMs: number;
  /** Mods in the channel. */
  receivers: number[];
  sockets: number[];
  senders: number;
  peers: boolean;
}

export const fullSize: Size = {
  rounds: 3,
  pairs: 3,
  pairMs: 1_000,
  warmMs: 1_500,
  turnMs: 4,
  pacedTurnMs: 125,
  receivers: [1, 20, 100],
  sockets: [1_000, 9_000],
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
  pacedTurnMs: 20,
  receivers: [3],
  sockets: [100],
  senders: 8,
  peers: false,
};
