import type { Row } from './ring-rows.ts';

export interface RingLimits {
  /** The ring keeps its newest this many; 0 means there are no rings. */
  rowsMax: number;
  /** Rings that hold anything, at once. */
  ringsMax: number;
  /** UTF-8 bytes of text in all rings. */
  bytesMax: number;
  /** UTF-8 bytes of text that the messages of one owner may fill. */
  ownerBytesMax: number;
  /** What each of these is called in the settings, for whom it refuses. */
  settings: Record<'rowsMax' | 'ringsMax' | 'bytesMax' | 'ownerBytesMax', string>;
}

/** What the rings hold, in all and by owner, and what they may. */
export class RingBounds {
  private readonly byOwner = new Map<string, number>();
  /** In all. */
  bytes = 0;
  rows = 0;
  /** Bytes past the bound of all: only what was sent before may join then. */
  excess = 0;

  constructor(readonly limits: Readonly<RingLimits>) {}

  /** One more message; one less, if `bytes` is below 0. */
  add(owner: string, bytes: number): void {
    this.rows += bytes < 0 ? -1 : 1;
    this.bytes += bytes;
    this.excess = Math.max(0, this.bytes - this.limits.bytesMax);
    const sum = (this.byOwner.get(owner) ?? 0) + bytes;
    if (sum === 0) this.byOwner.delete(owner);
    else this.byOwner.set(owner, sum);
  }

  /**
   * The bound that a new message would break, as the settings name it, counting what it pushes out
   * of its ring as gone. `rows` are those of its ring, if that exists; `rings` is how many do.
   */
  brokenBy(
    owner: string,
    bytes: number,
    rows: readonly Row[] | undefined,
    rings: number,
  ): string | undefined {
    const { rowsMax, ringsMax, bytesMax, ownerBytesMax, settings } = this.limits;
    if (rowsMax === 0) return `${settings.rowsMax} is 0`;
    if (rows === undefined && rings >= ringsMax) return settings.ringsMax;
    let all = this.bytes + bytes;
    let own = (this.byOwner.get(owner) ?? 0) + bytes;
    if (all <= bytesMax && own <= ownerBytesMax) return undefined;
    const leaving = (rows?.length ?? 0) + 1 - rowsMax;
    for (const row of rows?.slice(0, Math.max(0, leaving)) ?? []) {
      if (row.gone) continue;
      all -= row.bytes;
      if (row.owner === owner) own -= row.bytes;
    }
    if (all > bytesMax) return settings.bytesMax;
    return own > ownerBytesMax ? settings.ownerBytesMax : undefined;
  }
}
