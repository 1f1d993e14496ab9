import type { Rings } from '../../src/delivery/rings.ts';

/** Bytes that the store has, and nobody received. */
export function storedBytes(rings: Rings): number {
  const rows = rings.names().flatMap((name) => rings.get(name)!.rows);
  return rows.reduce((sum, { stored, gone, bytes }) => sum + (stored && !gone ? bytes : 0), 0);
}

/** A message of one lane, as far as newer ones may have pushed it out of its ring. */
export interface Crowded {
  answer: string | undefined;
  /** Some connection's pong confirmed it. */
  receipted: boolean;
  /** Moments at which the ring's length of newer ones, or more, were without receipt. */
  crowds: Crowd[];
}

interface Crowd {
  /** All without receipt at that moment, from the newest on. */
  standing: readonly Crowded[];
  /** How many of them are newer. */
  newer: number;
}

/** The newest message of a lane has just been taken. */
export function crowd(lane: readonly Crowded[], queueMax: number): void {
  const standing = lane
    .filter(({ receipted, answer }) => !receipted && answer !== 'failed')
    .toReversed();
  for (let newer = queueMax; newer < standing.length; newer++)
    standing[newer]!.crowds.push({ standing, newer });
}

/** Whether newer messages may have pushed it out; one that failed pushes nothing out. */
export function isPushedOut({ crowds }: Crowded, queueMax: number): boolean {
  return crowds.some(({ standing, newer }) => {
    let pushing = 0;
    for (let i = 0; i < newer && pushing < queueMax; i++)
      if (standing[i]!.answer !== 'failed') pushing += 1;
    return pushing >= queueMax;
  });
}
