import type { Clock } from '../sockets/ports.ts';
import type { RingStore } from '../store/store.ts';
import { Retries } from './retries.ts';
import { RingBounds, type RingLimits } from './ring-bounds.ts';
import {
  indexAbove,
  isAcknowledged,
  newRow,
  nextRow,
  nobody,
  oldestPast,
  type Ring,
  type RingsTold,
  type Row,
  rowAt,
  type Settle,
  settleRow,
  toStore,
  type Unreceived,
} from './ring-rows.ts';
import { UnderWay } from './under-way.ts';

/**
 * What waits, by ring: the memory's exact picture of the store, with the rows on their way there.
 * Texts are in the store only, once it has them. A failed deletion of what nobody waits for is
 * remembered and tried again; so is the put of a message that was already acknowledged.
 */
export class Rings {
  private readonly rings = new Map<string, Ring>();
  readonly bounds: RingBounds;
  /** What the store refused and nobody else will ask for again. */
  readonly retries: Retries;
  readonly writes = new UnderWay();
  /** Messages that newer ones took out of rings before anybody received them. */
  pushedOut = 0;

  constructor(
    private readonly store: RingStore,
    clock: Clock,
    private readonly limits: RingLimits,
    private readonly told: RingsTold,
  ) {
    this.bounds = new RingBounds(limits);
    this.retries = new Retries({
      clock,
      put: (ring, rows) => this.put(ring, rows),
      drop: (ring, rows) => this.drop(ring, rows),
    });
  }

  /** Reads what an earlier run left; resolves with the highest position in use. */
  async load(prefix: string): Promise<number> {
    let highest = 0;
    for (const { ring: name, rows } of await this.store.index()) {
      if (!name.startsWith(prefix)) continue;
      const ring = this.open(name);
      for (const { position, bytes, owner } of rows) {
        this.account(ring, owner, bytes);
        ring.rows.push({ ...newRow({ position, bytes, owner }), stored: true });
        ring.stored += 1;
        highest = Math.max(highest, position);
      }
      this.trim(ring);
    }
    return highest;
  }

  get(name: string): Ring | undefined {
    return this.rings.get(name);
  }

  names(): string[] {
    return [...this.rings.keys()];
  }

  /**
   * Puts a new message behind all others of its ring; `settle` is told what became of it. Returns
   * the bound that it would break, as the settings name it.
   */
  append(
    name: string,
    position: number,
    text: string,
    owner: string,
    settle: Settle,
  ): string | undefined {
    const bytes = Buffer.byteLength(text);
    const rows = this.rings.get(name)?.rows;
    const over = this.bounds.brokenBy(owner, bytes, rows, this.rings.size);
    if (over !== undefined) return over;
    const ring = this.open(name);
    const row = newRow({ position, owner, bytes, text, settle });
    this.account(ring, owner, bytes);
    ring.rows.push(row);
    this.put(ring, [row]);
    return undefined;
  }

  /**
   * Messages that were sent and not received go in where their numbers place them; past the ring's
   * length its oldest go. No other bound counts here, for whoever sent them was told that they do:
   * `Delivery.publish` sees to it that there is never too much of them. They stay in memory and are
   * tried again until the store has them. Returns how many newer ones kept out.
   */
  join(name: string, messages: readonly Unreceived[]): number {
    if (this.limits.rowsMax === 0) this.pushedOut += messages.length;
    if (this.limits.rowsMax === 0 || messages.length === 0) return messages.length;
    const ring = this.open(name);
    const rows: Row[] = [];
    for (const { position, text, owner } of messages) {
      const bytes = Buffer.byteLength(text);
      this.account(ring, owner, bytes);
      rows.push({ ...newRow({ position, owner, bytes, text }), mustKeep: true });
    }
    ring.rows.push(...rows);
    ring.rows.sort((a, b) => a.position - b.position);
    // What the store would push out at once is not even put: nobody may be sent it meanwhile.
    const waiting = ring.rows.filter((row) => !row.gone && (row.stored || row.mustKeep));
    for (const row of oldestPast(waiting, this.limits.rowsMax))
      if (rows.includes(row)) this.forgetLost(ring, row);
    const kept = rows.filter((row) => !row.gone);
    if (kept.length > 0) this.put(ring, kept);
    return rows.length - kept.length;
  }

  /** The first one above `after` that nobody has been sent. */
  next(name: string, after: number): Row | undefined {
    return nextRow(this.rings.get(name)?.rows ?? [], after);
  }

  find(name: string, position: number): Row | undefined {
    return rowAt(this.rings.get(name)?.rows ?? [], position);
  }

  /** A row that a recipient has been sent counts as delivered: from now on it must not fail. */
  claim(row: Row, holder: object): void {
    row.holders = [...row.holders, holder];
    row.mustKeep = true;
    settleRow(row, 'completed');
  }

  /** Gives back what `holder` was sent and never received. */
  release(name: string, holder: object): void {
    for (const row of this.rings.get(name)?.rows ?? [])
      if (row.holders.includes(holder))
        row.holders = row.holders.filter((other) => other !== holder);
  }

  /** Received, or nobody's any more: it leaves the store. */
  remove(name: string, gone: readonly Row[]): void {
    const ring = this.rings.get(name);
    if (ring === undefined || gone.length === 0) return;
    for (const row of gone) this.markGone(ring, row);
    void this.drop(ring, gone);
  }

  /**
   * Takes out all that is acknowledged, not what is still being committed, for that is yet to be
   * promised; with it what the store was to let go of before. Until the store agrees it waits as all
   * else does, and may be delivered. Says which numbers; `done` is what `drop` says.
   */
  clear(name: string): { numbers: number[]; done: Promise<number | undefined> } {
    const ring = this.rings.get(name);
    const rows = ring?.rows.filter((row) => row.gone || isAcknowledged(row)) ?? [];
    if (ring === undefined || rows.length === 0) return { numbers: [], done: Promise.resolve(0) };
    ring.clearing += 1;
    const done = this.drop(ring, rows).finally(() => (ring.clearing -= 1));
    return { numbers: rows.flatMap(({ gone, position }) => (gone ? [] : [position])), done };
  }

  /** Texts of stored rows above `after`, by position. Rejects when the store cannot read. */
  async read(name: string, after: number, bytesMax: number): Promise<Map<number, string>> {
    const rows = await this.store.read(name, after, bytesMax);
    return new Map(rows.map((row) => [row.position, row.text]));
  }

  private open(name: string): Ring {
    let ring = this.rings.get(name);
    if (ring === undefined) {
      ring = { name, rows: [], stored: 0, gone: 0, clearing: 0 };
      this.rings.set(name, ring);
    }
    return ring;
  }

  /** One more message of an owner in a ring; one less, if `bytes` is below 0. */
  private account(ring: Ring, owner: string, bytes: number): void {
    this.bounds.add(owner, bytes);
    this.told.counted?.(ring.name, owner, bytes < 0 ? -1 : 1);
  }

  private pushOut(ring: Ring, row: Row): void {
    if (!row.gone) this.pushedOut += 1;
    this.markGone(ring, row);
  }

  private markGone(ring: Ring, row: Row): void {
    if (row.gone) return;
    row.gone = true;
    ring.gone += 1;
    row.text = undefined;
    row.holders = nobody;
    this.account(ring, row.owner, -row.bytes);
  }

  private put(ring: Ring, rows: Row[]): void {
    // Rows that wait for their deletion take no room from those that wait for a recipient.
    const limit = this.limits.rowsMax + ring.gone;
    this.writes.begin();
    for (const row of rows) row.flying = true;
    this.store.put(ring.name, rows.map(toStore), limit).then(
      () => {
        for (const row of rows) {
          if (!row.stored) ring.stored += 1;
          row.stored = true;
          row.text = undefined;
          row.flying = false;
          settleRow(row, 'queued');
        }
        this.mirror(ring, limit);
        this.trim(ring);
        this.finished(ring);
      },
      () => {
        const lost: Row[] = [];
        for (const row of rows) {
          if (row.mustKeep && !row.gone) this.retries.add(ring);
          else lost.push(row);
          row.flying = false;
          settleRow(row, 'failed');
        }
        for (const row of lost) this.forget(ring, row);
        this.retries.later();
        this.finished(ring);
      },
    );
  }

  /** Says how many of them still waited when the store let go; undefined: it did not. Never rejects. */
  private drop(ring: Ring, rows: readonly Row[]): Promise<number | undefined> {
    this.writes.begin();
    const positions = rows.map((row) => row.position);
    return this.store.drop(ring.name, positions).then(
      () => {
        const waited = rows.filter((row) => !row.gone).length;
        for (const row of rows) this.forget(ring, row);
        this.finished(ring);
        return waited;
      },
      () => {
        this.retries.add(ring);
        this.retries.later();
        this.finished(ring);
        return undefined;
      },
    );
  }

  private finished(ring: Ring): void {
    if (ring.rows.length === 0 && this.rings.get(ring.name) === ring) {
      this.rings.delete(ring.name);
      this.told.emptied(ring.name);
    }
    this.writes.end();
  }

  /** Does to our picture what the store did: the lowest stored rows past `limit` are no more. */
  private mirror(ring: Ring, limit: number): void {
    for (let i = 0; ring.stored > limit;) {
      if (ring.rows[i]!.stored) this.forgetLost(ring, ring.rows[i]!);
      else i += 1;
    }
  }

  /** Of what waits, the oldest past the ring's length go. */
  private trim(ring: Ring): void {
    if (ring.rows.length <= this.limits.rowsMax || ring.stored <= this.limits.rowsMax) return;
    const waiting = ring.rows.filter((row) => row.stored && !row.gone);
    const out = oldestPast(waiting, this.limits.rowsMax);
    for (const row of out) this.pushOut(ring, row);
    this.remove(ring.name, out);
  }

  private forgetLost(ring: Ring, row: Row): void {
    this.pushOut(ring, row);
    this.forget(ring, row);
  }

  private forget(ring: Ring, row: Row): void {
    const at = indexAbove(ring.rows, row.position - 1);
    if (ring.rows[at] !== row) return;
    this.markGone(ring, row);
    ring.gone -= 1;
    if (row.stored) ring.stored -= 1;
    ring.rows.splice(at, 1);
  }
}
