/** Connections that have not said who they are, by address. */
export class Strangers {
  private readonly byAddress = new Map<string, number>();
  private count = 0;

  /** All of them. */
  get size(): number {
    return this.count;
  }

  of(address: string): number {
    return this.byAddress.get(address) ?? 0;
  }

  add(address: string): void {
    this.count += 1;
    this.byAddress.set(address, this.of(address) + 1);
  }

  remove(address: string): void {
    this.count -= 1;
    const left = this.of(address) - 1;
    if (left === 0) this.byAddress.delete(address);
    else this.byAddress.set(address, left);
  }
}
