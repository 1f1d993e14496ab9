/**
 * Whether a worker is fit to be given tasks (docs/protocol-tasks.md, "Health"): by how its calls go, and
 * by what it answers to checks, if those are on. Passive ejection with growing pauses and the half
 * rule of the pools is what Envoy calls outlier detection with a panic threshold.
 */
export interface Health {
  failuresInRow: number;
  /** Out of the pools, but for a trial when the pause is over. */
  isEjected: boolean;
  pauseMs: number;
  pauseEndMs: number;
  /** Number of the one call that decides; 0: none is under way. */
  trial: number;
  /** By its answers to checks; such a worker has no trial, the next check is one. */
  isFailingChecks: boolean;
  /** Checks in a row that say the opposite of `isFailingChecks`. */
  contrary: number;
}

export interface HealthLimits {
  /** Failed calls in a row that eject. */
  ejectFailures: number;
  ejectTimeMs: number;
  ejectTimeMaxMs: number;
}

/** Checks in a row that turn the verdict. */
const checksToTurn = 2;

export function newHealth(): Health {
  return {
    failuresInRow: 0,
    isEjected: false,
    pauseMs: 0,
    pauseEndMs: 0,
    trial: 0,
    isFailingChecks: false,
    contrary: 0,
  };
}

export function isUnfit(health: Health): boolean {
  return health.isEjected || health.isFailingChecks;
}

/** Whether its pause is over and nobody tries it yet. */
export function isTrialDue(health: Health, nowMs: number): boolean {
  return (
    health.isEjected && !health.isFailingChecks && health.trial === 0 && nowMs >= health.pauseEndMs
  );
}

/** A call failed. `trial` is its number, 0 for any other than a trial. */
export function callFailed(
  health: Health,
  limits: HealthLimits,
  nowMs: number,
  trial: number,
): void {
  health.failuresInRow += 1;
  const wasTrial = endTrial(health, trial);
  // Calls that were in hand when it was ejected say nothing new.
  if (health.isEjected && !wasTrial) return;
  if (!wasTrial && health.failuresInRow < limits.ejectFailures) return;
  health.isEjected = true;
  health.pauseMs = wasTrial
    ? Math.min(health.pauseMs * 2, limits.ejectTimeMaxMs)
    : limits.ejectTimeMs;
  health.pauseEndMs = nowMs + health.pauseMs;
}

/** A call was answered, whatever the answer. */
export function callSucceeded(health: Health): void {
  health.failuresInRow = 0;
  health.isEjected = false;
  health.trial = 0;
}

/**
 * A trial is over: whether it was the one that decides. Called alone when it says nothing, for its
 * caller went away; the next one may.
 */
export function endTrial(health: Health, trial: number): boolean {
  if (trial === 0 || health.trial !== trial) return false;
  health.trial = 0;
  return true;
}

export function checked(health: Health, isWell: boolean): void {
  if (isWell !== health.isFailingChecks) {
    health.contrary = 0;
    return;
  }
  health.contrary += 1;
  if (health.contrary < checksToTurn) return;
  health.contrary = 0;
  health.isFailingChecks = !isWell;
}
