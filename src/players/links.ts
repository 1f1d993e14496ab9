/** Users that are linked, and those who asked to be. Both ends of a link know it. */
export class Links {
  private readonly linked = new Map<string, Set<string>>();
  /** Who asked whom, by who was asked. */
  private readonly asked = new Map<string, Set<string>>();

  constructor(private readonly linksMax: number) {}

  of(userId: string): readonly string[] {
    return [...(this.linked.get(userId) ?? [])];
  }

  /** Whether one of them has as many links and requests as may be. */
  isFull(one: string, other: string): boolean {
    if (this.linked.get(one)?.has(other)) return false;
    return [one, other].some((userId) => {
      const links = this.linked.get(userId)?.size ?? 0;
      return links >= this.linksMax || (this.asked.get(userId)?.size ?? 0) >= this.linksMax;
    });
  }

  link(one: string, other: string): void {
    this.answer(one, other);
    this.answer(other, one);
    add(this.linked, one, other);
    add(this.linked, other, one);
  }

  ask(from: string, to: string): void {
    add(this.asked, to, from);
  }

  /** The request of `from` to `to` is answered. False if there was none. */
  answer(from: string, to: string): boolean {
    return remove(this.asked, to, from);
  }

  /** All links and requests of a user end; with whom it was linked. */
  end(userId: string): readonly string[] {
    const others = this.of(userId);
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
