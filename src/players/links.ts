/** Users that are linked, and those who asked to be. Both ends of each know it. */
export class Links {
  private readonly linked = new Map<string, Set<string>>();
  /** Who asked whom, by who was asked and by who asked. */
  private readonly askers = new Map<string, Set<string>>();
  private readonly asked = new Map<string, Set<string>>();

  /** How many links a user may have, how many may ask it, and how many it may ask. */
  constructor(private readonly linksMax: number) {}

  /** How many there are. */
  get size(): number {
    let ends = 0;
    for (const { size } of this.linked.values()) ends += size;
    return ends / 2;
  }

  has(one: string, other: string): boolean {
    return this.linked.get(one)?.has(other) === true;
  }

  /** Whether one of them has as many links as may be, and this is none of them. */
  isFull(one: string, other: string): boolean {
    if (this.has(one, other)) return false;
    return [one, other].some((userId) => this.isAtMost(this.linked, userId));
  }

  link(one: string, other: string): void {
    this.answer(one, other);
    this.answer(other, one);
    add(this.linked, one, other);
    add(this.linked, other, one);
  }

  /** False when one of them has as many requests as may be. */
  ask(from: string, to: string): boolean {
    if (this.isAtMost(this.askers, to) || this.isAtMost(this.asked, from)) return false;
    add(this.askers, to, from);
    add(this.asked, from, to);
    return true;
  }

  hasAsked(from: string, to: string): boolean {
    return this.askers.get(to)?.has(from) === true;
  }

  /** Who waits for the answer of a user. */
  askersOf(userId: string): Iterable<string> {
    return this.askers.get(userId) ?? [];
  }

  /** The request of `from` to `to` is answered, if there was one. */
  answer(from: string, to: string): void {
    remove(this.askers, to, from);
    remove(this.asked, from, to);
  }

  /** All links and requests of a user end; with whom it was linked. */
  end(userId: string): readonly string[] {
    const others = [...(this.linked.get(userId) ?? [])];
    for (const other of others) remove(this.linked, other, userId);
    this.linked.delete(userId);
    for (const from of [...this.askersOf(userId)]) this.answer(from, userId);
    for (const to of [...(this.asked.get(userId) ?? [])]) this.answer(userId, to);
    return others;
  }

  private isAtMost(sets: Map<string, Set<string>>, userId: string): boolean {
    return (sets.get(userId)?.size ?? 0) >= this.linksMax;
  }
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function remove(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
