/** What one sender has in one ring. */
interface Share {
  messages: number;
  /** It was filled while the ring's user was away: it counts for its sender. */
  isCounted: boolean;
  /** For which address it counts, if that is known. */
  address: string | undefined;
}

/**
 * Which rings of users who are away hold messages of whom: one sender may fill so many, and one
 * address, or a list of names that nobody has would fill the store. Addresses are not stored: what
 * an earlier run left counts for none. All that is kept here is of messages that wait.
 */
export class AwayRings {
  /** By ring and sender. */
  private readonly shares = new Map<string, Map<string, Share>>();
  /** How many rings count for a sender. */
  private readonly bySender = new Map<string, number>();
  /** Which rings count for an address, and by how many senders. */
  private readonly byAddress = new Map<string, Map<string, number>>();

  constructor(
    private readonly perSender: number,
    private readonly perAddress: number,
  ) {}

  /** The bound that one more ring of somebody away would break, as the settings name it. */
  brokenBy(ring: string, sender: string, address: string): string | undefined {
    const isCounted = this.shares.get(ring)?.get(sender)?.isCounted === true;
    const rings = this.bySender.get(sender) ?? 0;
    if (rings - (isCounted ? 1 : 0) >= this.perSender) return 'players.away_rings_per_sender';
    const all = this.byAddress.get(address);
    const others = (all?.size ?? 0) - (all?.has(ring) === true ? 1 : 0);
    return others >= this.perAddress ? 'players.away_rings_per_address' : undefined;
  }

  /** A ring holds a message more or less of a sender. */
  counted(ring: string, sender: string, by: 1 | -1): void {
    const senders = this.shares.get(ring) ?? new Map<string, Share>();
    const share = senders.get(sender) ?? { messages: 0, isCounted: false, address: undefined };
    share.messages += by;
    if (share.messages > 0) {
      this.shares.set(ring, senders.set(sender, share));
      return;
    }
    this.uncount(ring, sender, share);
    senders.delete(sender);
    if (senders.size === 0) this.shares.delete(ring);
  }

  /** A message of a sender, already counted, went into the ring of somebody who is away. */
  filled(ring: string, sender: string, address?: string): void {
    const share = this.shares.get(ring)?.get(sender);
    // The store may have refused it at once.
    if (share === undefined) return;
    if (!share.isCounted) this.bySender.set(sender, (this.bySender.get(sender) ?? 0) + 1);
    share.isCounted = true;
    if (address === undefined || share.address !== undefined) return;
    share.address = address;
    const rings = this.byAddress.get(address) ?? new Map<string, number>();
    this.byAddress.set(address, rings.set(ring, (rings.get(ring) ?? 0) + 1));
  }

  private uncount(ring: string, sender: string, { isCounted, address }: Share): void {
    if (isCounted) {
      const left = this.bySender.get(sender)! - 1;
      if (left === 0) this.bySender.delete(sender);
      else this.bySender.set(sender, left);
    }
    if (address === undefined) return;
    const rings = this.byAddress.get(address)!;
    const left = rings.get(ring)! - 1;
    if (left > 0) {
      rings.set(ring, left);
      return;
    }
    rings.delete(ring);
    if (rings.size === 0) this.byAddress.delete(address);
  }
}
