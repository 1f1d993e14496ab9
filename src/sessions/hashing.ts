import type { Secrets } from './secrets-port.ts';

/** There is no room in the line: try later. */
export class Busy extends Error {}

/** Of the places in the line one address may hold the reciprocal of this, and one at least. */
const shares = 8;

/**
 * Hashes a few secrets at a time: each takes a core for a while, and strangers can ask for them.
 * `group` is what counts as one address: none can take the whole line, and keep the others out.
 */
export class Hashing {
  private underWay = 0;
  private readonly line: { group: string; go: () => void }[] = [];
  private readonly shareMax: number;

  constructor(
    private readonly secrets: Pick<Secrets, 'hash' | 'verify'>,
    private readonly limits: { atOnce: number; waitingMax: number },
  ) {
    this.shareMax = Math.max(1, Math.floor(limits.waitingMax / shares));
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.line.length;
  }

  /** Rejects with `Busy`. */
  hash(secret: string, group: string): Promise<string> {
    return this.inTurn(group, () => this.secrets.hash(secret));
  }

  /** Rejects with `Busy`. */
  verify(secret: string, hash: string, group: string): Promise<boolean> {
    return this.inTurn(group, () => this.secrets.verify(secret, hash));
  }

  private async inTurn<Value>(group: string, work: () => Promise<Value>): Promise<Value> {
    if (this.underWay >= this.limits.atOnce) {
      if (!this.hasPlaceFor(group)) throw new Busy();
      await new Promise<void>((go) => this.line.push({ group, go }));
    } else this.underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes this place.
      const next = this.line.shift();
      if (next !== undefined) next.go();
      else this.underWay -= 1;
    }
  }

  private hasPlaceFor(group: string): boolean {
    if (this.line.length >= this.limits.waitingMax) return false;
    let held = 0;
    for (const one of this.line) if (one.group === group) held += 1;
    return held < this.shareMax;
  }
}
