/** How much of everything a run does. */
export interface TasksSize {
  /** Fresh processes so many times, and pairs with each. */
  rounds: number;
  pairs: number;
  pairMs: number;
  warmMs: number;
  /** Turn of one server, and of one kind of pool where workers are chosen. */
  turnMs: number;
  pickTurnMs: number;
  /** At a fixed rate: more and longer pairs, as a p99 is a matter of few tasks. */
  paced: { pairs: number; pairMs: number };
  /** Callers with a task each, in the closed loop. */
  callers: number;
  /** Leaf regions where many workers are, and how many are in each. */
  regions: number;
  each: number;
  /** Tasks that are held. */
  held: number;
}

export const fullTasksSize: TasksSize = {
  rounds: 3,
  pairs: 3,
  pairMs: 1_000,
  warmMs: 1_500,
  turnMs: 30,
  pickTurnMs: 5,
  paced: { pairs: 5, pairMs: 2_000 },
  callers: 64,
  regions: 100,
  each: 100,
  held: 1_000,
};

/** Seconds in all: whether everything works and every task is accounted for, never how fast. */
export const smokeTasksSize: TasksSize = {
  rounds: 1,
  pairs: 1,
  pairMs: 40,
  warmMs: 20,
  turnMs: 5,
  pickTurnMs: 1,
  paced: { pairs: 1, pairMs: 80 },
  callers: 16,
  regions: 20,
  each: 10,
  held: 300,
};
