import type { Unreceived } from './ring-rows.ts';

/**
 * The newest `size` messages of one channel that were sent live and have no receipt: a circular
 * buffer, overwritten in place, so that a receipt costs a live message nothing per receiver.
 * Numbers ascend, since they are given in the order of sending.
 */
export class LiveWindow {
  private readonly numbers: number[] = [];
  private readonly texts: (string | undefined)[] = [];
  private readonly owners: string[] = [];
  /** Where the oldest is, and how many there are. */
  private first = 0;
  private count = 0;
  /** Characters of all texts in it. */
  chars = 0;

  constructor(private readonly size: number) {}

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Number of the oldest; 0 when empty. */
  get oldest(): number {
    return this.count === 0 ? 0 : this.numbers[this.first]!;
  }

  /** Number of the newest; 0 when empty. */
  get newest(): number {
    return this.count === 0 ? 0 : this.numbers[this.at(this.count - 1)]!;
  }

  /** Adds a message; a full window forgets its oldest. */
  push(number: number, text: string, owner: string): void {
    if (this.size === 0) return;
    if (this.count === this.size) {
      this.chars -= this.texts[this.first]!.length;
      this.first = this.first + 1 === this.size ? 0 : this.first + 1;
      this.count -= 1;
    }
    const at = this.at(this.count);
    this.numbers[at] = number;
    this.texts[at] = text;
    this.owners[at] = owner;
    this.count += 1;
    this.chars += text.length;
  }

  /** Everything is received. */
  clear(): void {
    for (let i = 0; i < this.count; i++) this.texts[this.at(i)] = undefined;
    this.first = 0;
    this.count = 0;
    this.chars = 0;
  }

  /** Takes out the messages whose number `wanted` says yes to, oldest first. */
  take(wanted: (number: number) => boolean): Unreceived[] {
    const all: Unreceived[] = [];
    for (let i = 0; i < this.count; i++) {
      const at = this.at(i);
      const text = this.texts[at]!;
      all.push({ position: this.numbers[at]!, text, owner: this.owners[at]! });
    }
    this.clear();
    const taken: Unreceived[] = [];
    for (const one of all) {
      if (wanted(one.position)) taken.push(one);
      else this.push(one.position, one.text, one.owner);
    }
    return taken;
  }

  private at(offset: number): number {
    const at = this.first + offset;
    return at >= this.size ? at - this.size : at;
  }
}
