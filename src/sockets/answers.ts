import type { Clock, Peer } from './ports.ts';

/** Settles one answer, once; what comes later is ignored. */
export type Settle = (text: string) => void;

interface Slot {
  text: string | undefined;
}

/**
 * Answers of one connection, in the order of its messages, also when one of them has to wait for a
 * commit and the next one would be ready at once.
 */
export class Answers {
  private slots: Slot[] = [];
  private isFlushing = false;

  constructor(
    private readonly peer: Peer,
    private readonly clock: Pick<Clock, 'nextTurn'>,
  ) {}

  /** How many are not yet sent. */
  get waiting(): number {
    return this.slots.length;
  }

  /** An answer that is ready. */
  now(text: string): void {
    if (this.slots.length === 0) this.peer.send(text);
    else this.slots.push({ text });
  }

  /** An answer that comes later. */
  later(): Settle {
    const slot: Slot = { text: undefined };
    this.slots.push(slot);
    return (text) => {
      if (slot.text !== undefined) return;
      slot.text = text;
      // A commit settles many: they leave together, in the next turn.
      if (this.isFlushing) return;
      this.isFlushing = true;
      this.clock.nextTurn(() => {
        this.isFlushing = false;
        this.peer.cork(() => this.flush());
      });
    };
  }

  private flush(): void {
    let ready = 0;
    while (ready < this.slots.length && this.slots[ready]!.text !== undefined) {
      this.peer.send(this.slots[ready]!.text!);
      ready += 1;
    }
    this.slots.splice(0, ready);
  }
}
