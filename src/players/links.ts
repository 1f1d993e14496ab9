/** Users that are linked, and those who asked to be. Both ends of a link know it. */
export class Links {
  private readonly linked = new Map<string, Set<string>>();
  /** Who asked whom, by who was asked. */
  private readonly asked = new Map<string, Set<string>>();

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
    return [one, other].some((userId) => (this.linked.get(userId)?.size ?? 0) >= this.linksMax);
  }

  link(one: string, other: string): void {
    this.answer(one, other);
    this.answer(other, one);
    add(this.linked, one, other);
    add(this.linked, other, one);
  }

  /** False when as many have asked already as may. */
  ask(from: string, to: string): boolean {
    const asking = this.asked.get(to)?.size ?? 0;
    if (asking >= this.linksMax && !this.hasAsked(from, to)) return false;
    add(this.asked, to, from);
    return true;
  }

  hasAsked(from: string, to: string): boolean {
    return this.asked.get(to)?.has(from) === true;
  }

  /** The request of `from` to `to` is answered. False if there was none. */
  answer(from: string, to: string): boolean {
    return remove(this.asked, to, from);
  }

  /** All links and requests of a user end; with whom it was linked. */
  end(userId: string): readonly string[] {
    const others = [...(this.linked.get(userId) ?? [])];
    for (const other of others) remove(this.linked, other, userId);
    this.linked.delete(userId);
    this.asked.delete(userId);
    for (const to of [...this.asked.keys()]) remove(this.asked, to, userId);
    return others;
  }
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function remove(sets: Map<string, Set<string>>, key: string, value: string): boolean {
  const set = sets.get(key);
  const was = set?.delete(value) ?? false;
  if (set?.size === 0) sets.delete(key);
  return was;
}
