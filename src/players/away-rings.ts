/**
 * Which rings of users who are away hold messages of whom: one sender may fill so many, or a list of
 * names that nobody has would fill the store.
 */
export class AwayRings {
  private readonly bySender = new Map<string, Set<string>>();
  private readonly byRing = new Map<string, Set<string>>();

  constructor(private readonly ringsMax: number) {}

  mayFill(sender: string, ring: string): boolean {
    const rings = this.bySender.get(sender);
    return rings?.has(ring) === true || (rings?.size ?? 0) < this.ringsMax;
  }

  filled(sender: string, ring: string): void {
    const rings = this.bySender.get(sender) ?? new Set();
    this.bySender.set(sender, rings.add(ring));
    const senders = this.byRing.get(ring) ?? new Set();
    this.byRing.set(ring, senders.add(sender));
  }

  emptied(ring: string): void {
    for (const sender of this.byRing.get(ring) ?? []) {
      const rings = this.bySender.get(sender)!;
      rings.delete(ring);
      if (rings.size === 0) this.bySender.delete(sender);
    }
    this.byRing.delete(ring);
  }
}
