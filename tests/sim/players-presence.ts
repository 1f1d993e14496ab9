import type { SimClock } from './clock.ts';
import { hearsOf, knows, type PlayersRules, type Said, type SimPlayer } from './players-client.ts';

const listIntervalMs = 250;
/** Changes that wait for their turn are told after so long. */
const changesMs = 10_000;

interface PresencePorts {
  clock: SimClock;
  online: ReadonlyMap<string, { userName: string | undefined }>;
  broke(promise: string): void;
  /** It was sent a list that it had to be sent. */
  came(player: SimPlayer): void;
}

/** Who must know who is online, and how soon; what each of them was told of it. */
export class PresenceModel {
  private isPublishing = false;
  private listedMs = -Infinity;
  private hasNews = false;
  /** It is being sent a list that it asked for. */
  private asking: SimPlayer | undefined;
  /** Changes may wait. */
  private readonly isPaced: boolean;

  constructor(
    private readonly ports: PresencePorts,
    { changesPace }: Pick<PlayersRules, 'changesPace'>,
  ) {
    this.isPaced = changesPace.bytesPerMs < 1_000;
  }

  /** The process is gone. */
  begin(): void {
    this.listedMs = -Infinity;
  }

  /** Somebody came or went. */
  news(): void {
    this.hasNews = true;
  }

  /** It asks for the list, and is to be sent it before `answered`. */
  asks(player: SimPlayer): void {
    this.asking = player;
    player.hasAsked = true;
  }

  answered(): void {
    this.asking = undefined;
  }

  /** The core publishes to everybody of a topic. */
  publishes(topic: string, text: string, deliver: () => void): void {
    if (text.includes('"user_list_update"')) {
      const nowMs = this.ports.clock.now();
      if (nowMs - this.listedMs < listIntervalMs - 0.001)
        this.ports.broke(`${topic}: a list too soon`);
      this.listedMs = nowMs;
    }
    this.isPublishing = true;
    deliver();
    this.isPublishing = false;
  }

  /** A player is sent a list. */
  listed(player: SimPlayer, users: Said[]): void {
    const { broke, came, online } = this.ports;
    player.known = new Map(users.map(({ userId, userName }) => [userId, userName]));
    if (player.known.size !== users.length) broke(`${player.name}: somebody is listed twice`);
    const isAsked = this.asking === player;
    if (this.isPublishing && player.protocol === 2)
      broke(`${player.name}, of protocol 2, is sent a list`);
    if (!this.isPublishing && (isAsked || player.protocol === 1)) came(player);
    if (player.protocol === 2 && !isAsked) {
      if (player.isListed) broke(`${player.name} is sent a second list`);
      player.isListed = true;
      this.hasNews = true;
    } else if (!knows(player, online)) broke(`${player.name} is sent a list that is wrong`);
    else player.staleMs = undefined;
  }

  /** A player is told that somebody came or went. */
  changed(player: SimPlayer, frame: Said): void {
    const wrong = hearsOf(player, frame);
    if (wrong !== undefined) this.ports.broke(`${player.name}: ${wrong}`);
    this.hasNews = true;
  }

  /** Once per turn: those who are in know who is online, or since when they do not. */
  endOfTurn(players: Iterable<SimPlayer>): void {
    if (this.hasNews) for (const player of players) if (player.isIn) this.check(player);
    this.hasNews = false;
  }

  /** It has not known who is online for longer than it may. */
  isForgotten({ protocol, staleMs, isIn }: SimPlayer): boolean {
    const maxMs = protocol === 1 ? listIntervalMs + 1 : changesMs;
    return isIn && staleMs !== undefined && this.ports.clock.now() - staleMs > maxMs;
  }

  private check(player: SimPlayer): void {
    const { online, clock, broke } = this.ports;
    if (knows(player, online)) player.staleMs = undefined;
    else if (player.protocol === 1 || this.isPaced) player.staleMs ??= clock.now();
    else broke(`${player.name} of protocol 2 does not know who is online`);
  }
}
