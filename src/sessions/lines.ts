/** What is done for one user comes one after the other. */
export class Lines {
  /** The last of a user that is on its way. */
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Does it when all that came before is done, however that ended. */
  after<Value>(userId: string, act: () => Promise<Value>): Promise<Value> {
    const mine = (this.tails.get(userId) ?? Promise.resolve()).then(act);
    const tail = mine.catch(() => {});
    this.tails.set(userId, tail);
    void tail.then(() => {
      if (this.tails.get(userId) === tail) this.tails.delete(userId);
    });
    return mine;
  }
}
