interface Entry<Handle> {
  handle: Promise<Handle>;
  uses: number;
  /** Used since the last look. */
  isRecent: boolean;
  /** Nobody finds it any more: whoever uses it last closes it. */
  isForgotten: boolean;
}

export interface HandlePorts<Handle> {
  open(id: string): Promise<Handle>;
  /** Calls once, later: who was not used from one such call to the next is closed. */
  later(fn: () => void): void;
}

/**
 * Handles of files, opened when somebody needs one and kept for a while, for opening and closing a
 * file around every call costs as much as writing it. Past `max` the one that was used longest ago,
 * and is not in use, is closed first: there are never more than `max`, as long as fewer are in use
 * at a time.
 */
export class Handles<Handle extends { close(): Promise<void> }> {
  /** By id, the one used longest ago first. */
  private readonly kept = new Map<string, Entry<Handle>>();
  private isLooking = false;

  constructor(
    private readonly ports: HandlePorts<Handle>,
    private readonly max: number,
  ) {}

  /** `open` opens one that is not kept; without, the usual way does. */
  async use<Value>(
    id: string,
    act: (handle: Handle) => Promise<Value>,
    open: (id: string) => Promise<Handle> = this.ports.open,
  ): Promise<Value> {
    const entry = this.kept.get(id) ?? {
      handle: this.opened(id, open),
      uses: 0,
      isRecent: true,
      isForgotten: false,
    };
    this.kept.delete(id);
    this.kept.set(id, entry);
    entry.uses += 1;
    entry.isRecent = true;
    this.lookLater();
    try {
      return await act(await entry.handle);
    } catch (error) {
      // Whatever is wrong with it, the next one opens it anew.
      this.forget(id, entry);
      throw error;
    } finally {
      entry.uses -= 1;
      if (entry.isForgotten) await this.close(entry);
    }
  }

  /** Closes it, perhaps when it is not in use any more. */
  async drop(id: string): Promise<void> {
    const entry = this.kept.get(id);
    if (entry === undefined) return;
    this.forget(id, entry);
    await this.close(entry);
  }

  private async opened(id: string, open: (id: string) => Promise<Handle>): Promise<Handle> {
    if (this.kept.size >= this.max)
      for (const [other, entry] of this.kept) {
        if (entry.uses > 0) continue;
        await this.drop(other);
        break;
      }
    return open(id);
  }

  private lookLater(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.ports.later(() => {
      this.isLooking = false;
      for (const [id, entry] of this.kept) {
        if (entry.uses === 0 && !entry.isRecent) void this.drop(id);
        entry.isRecent = false;
      }
      if (this.kept.size > 0) this.lookLater();
    });
  }

  private forget(id: string, entry: Entry<Handle>): void {
    entry.isForgotten = true;
    if (this.kept.get(id) === entry) this.kept.delete(id);
  }

  private async close({ uses, handle }: Entry<Handle>): Promise<void> {
    if (uses > 0) return;
    // One that could not be opened, or closed, is none of the next one's worry.
    await handle.then((one) => one.close()).catch(() => {});
  }
}
