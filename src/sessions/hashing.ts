import type { Secrets } from './secrets-port.ts';

/** There is no room in the line: try later. */
export class Busy extends Error {}

/** Hashes a few secrets at a time: each takes a core for a while, and strangers can ask for them. */
export class Hashing {
  private underWay = 0;
  private readonly line: (() => void)[] = [];

  constructor(
    private readonly secrets: Pick<Secrets, 'hash' | 'verify'>,
    private readonly limits: { atOnce: number; waitingMax: number },
  ) {}

  /** How many wait for their turn. */
  get waiting(): number {
    return this.line.length;
  }

  /** Rejects with `Busy`. */
  hash(secret: string): Promise<string> {
    return this.inTurn(() => this.secrets.hash(secret));
  }

  /** Rejects with `Busy`. */
  verify(secret: string, hash: string): Promise<boolean> {
    return this.inTurn(() => this.secrets.verify(secret, hash));
  }

  private async inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const { atOnce, waitingMax } = this.limits;
    if (this.underWay >= atOnce) {
      if (this.line.length >= waitingMax) throw new Busy();
      await new Promise<void>((resolve) => this.line.push(resolve));
    } else this.underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes this place.
      const next = this.line.shift();
      if (next !== undefined) next();
      else this.underWay -= 1;
    }
  }
}
