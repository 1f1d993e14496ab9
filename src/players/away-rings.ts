/**
 * Which rings of users who are away hold messages of whom: one sender may fill so many, or a list of
 * names that nobody has would fill the store.
 */
export class AwayRings {
  private readonly bySender = new Map<string, Set<string>>();
  private readonly byRing = new Map<string, Set<string>>();

  constructor(
    private readonly ringsMax: number,
    /** Messages that a ring may hold, and so senders. */
    private readonly rowsMax: number,
    /** Whether a ring still holds something of a sender: newer messages may have pushed it out. */
    private readonly holds: (ring: string, sender: string) => boolean,
  ) {}

  mayFill(sender: string, ring: string): boolean {
    const rings = this.bySender.get(sender) ?? new Set();
    const isRoom = () => rings.size - (rings.has(ring) ? 1 : 0) < this.ringsMax;
    if (isRoom()) return true;
    for (const filled of rings) if (!this.holds(filled, sender)) this.taken(sender, filled);
    return isRoom();
  }

  filled(sender: string, ring: string): void {
    const rings = this.bySender.get(sender) ?? new Set();
    this.bySender.set(sender, rings.add(ring));
    const senders = this.byRing.get(ring) ?? new Set();
    this.byRing.set(ring, senders.add(sender));
    if (senders.size <= this.rowsMax) return;
    for (const one of senders) if (!this.holds(ring, one)) this.taken(one, ring);
  }

  emptied(ring: string): void {
    for (const sender of this.byRing.get(ring) ?? []) this.taken(sender, ring);
  }

  private taken(sender: string, ring: string): void {
    const rings = this.bySender.get(sender)!;
    rings.delete(ring);
    if (rings.size === 0) this.bySender.delete(sender);
    const senders = this.byRing.get(ring)!;
    senders.delete(sender);
    if (senders.size === 0) this.byRing.delete(ring);
  }
}
