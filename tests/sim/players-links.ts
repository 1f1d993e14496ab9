import type { SimPlayer } from './players-client.ts';

interface LinksPorts {
  playerOf(userId: string): SimPlayer | undefined;
  /** Gone, and not forgotten. */
  isKept(userId: string): boolean;
  /** Does not read, by the core's own account. */
  isBehind(player: SimPlayer): boolean;
  due(player: SimPlayer, frame: object): void;
  refused(player: SimPlayer, code: number): void;
}

const pair = (one: string, other: string) => [one, other].sort().join(' ');

/** Which links there must be, and what both ends must be told of them. */
export class LinksModel {
  /** Each by both of its ends. */
  private readonly links = new Set<string>();
  /** Each by who asked and who was asked, in this order. */
  private readonly requests = new Set<string>();
  /** Ends of links that somebody who is gone for a moment has not been told of. */
  private untold: { to: string; about: string }[] = [];

  constructor(
    private readonly linksMax: number,
    private readonly ports: LinksPorts,
  ) {}

  clear(): void {
    this.links.clear();
    this.requests.clear();
    this.untold = [];
  }

  connect(player: SimPlayer, target: string): void {
    const { userId } = player;
    const { playerOf, refused, due } = this.ports;
    const other = playerOf(target);
    const request = `${userId} ${target}`;
    if (target === userId) return refused(player, 400);
    if (other === undefined) return refused(player, 404);
    if (this.links.has(pair(userId, target)))
      return due(player, { type: 'connect_accepted', withUserId: target });
    if (this.isFull(userId, target)) return refused(player, 429);
    if (this.requests.has(`${target} ${userId}`)) return this.link(player, other);
    if (this.ports.isBehind(other)) return refused(player, 503);
    if (other.protocol === 1) return this.link(player, other);
    if (this.requests.has(request)) return;
    const count = (isOne: (one: string) => boolean) => [...this.requests].filter(isOne).length;
    const asking = count((one) => one.endsWith(` ${target}`));
    const asked = count((one) => one.startsWith(`${userId} `));
    if (Math.max(asking, asked) >= this.linksMax) return refused(player, 429);
    this.requests.add(request);
    due(other, { type: 'connect_request', fromUserId: userId });
  }

  answer(player: SimPlayer, from: string, isYes: boolean): void {
    const { userId } = player;
    const { playerOf, refused, due } = this.ports;
    const request = `${from} ${userId}`;
    const other = playerOf(from);
    if (other === undefined || !this.requests.has(request)) return refused(player, 404);
    if (isYes && this.isFull(from, userId)) return refused(player, 429);
    if (isYes) return this.link(player, other);
    this.requests.delete(request);
    due(other, { type: 'connect_rejected', withUserId: userId });
  }

  /** All that a user has ends, but for what it was not told. */
  end(userId: string): void {
    for (const link of [...this.links]) {
      const ends = link.split(' ');
      if (!ends.includes(userId)) continue;
      this.links.delete(link);
      const other = ends.find((end) => end !== userId)!;
      const player = this.ports.playerOf(other);
      if (player !== undefined) this.ports.due(player, { type: 'disconnected', userId });
      else if (this.ports.isKept(other)) this.untold.push({ to: other, about: userId });
    }
    for (const request of [...this.requests])
      if (request.split(' ').includes(userId)) this.requests.delete(request);
  }

  /** A user is there again, or anew. */
  returned(player: SimPlayer): void {
    for (const { to, about } of this.untold)
      if (to === player.userId) this.ports.due(player, { type: 'disconnected', userId: about });
    this.forget(player.userId);
    if (player.protocol === 1) return;
    for (const request of this.requests) {
      const [fromUserId, to] = request.split(' ');
      if (to === player.userId) this.ports.due(player, { type: 'connect_request', fromUserId });
    }
  }

  forget(userId: string): void {
    this.untold = this.untold.filter(({ to }) => to !== userId);
  }

  private link(player: SimPlayer, other: SimPlayer): void {
    const [one, two] = [player.userId, other.userId];
    this.links.add(pair(one, two));
    this.requests.delete(`${one} ${two}`);
    this.requests.delete(`${two} ${one}`);
    this.ports.due(player, { type: 'connect_accepted', withUserId: two });
    this.ports.due(other, { type: 'connect_accepted', withUserId: one });
  }

  private isFull(one: string, other: string): boolean {
    if (this.links.has(pair(one, other))) return false;
    return [one, other].some(
      (userId) =>
        [...this.links].filter((link) => link.split(' ').includes(userId)).length >= this.linksMax,
    );
  }
}
