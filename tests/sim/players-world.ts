import { PlayerFrames } from '../../src/players/messages.ts';
import { Players } from '../../src/players/players.ts';
import type { PlayersLimits } from '../../src/players/ports.ts';
import { SimClock } from './clock.ts';
import { addressOf, anyAuth, anyFrame, filesAside, nobodies } from './players-acts.ts';
import { storedBytes } from './crowding.ts';
import { countedSession, newPlayer, type SimPlayer } from './players-client.ts';
import { allRingBytesMax, anyLimits } from './players-limits.ts';
import { PlayersObserver } from './players-observer.ts';
import { paceOfWorld } from './players-pace.ts';
import { PostObserver } from './players-post.ts';
import { SimSessions } from './players-sessions.ts';
import { SeededRandom } from './random.ts';
import { type ClientPorts, type Manners, SimClient } from './relay-client.ts';
import { WeatheredStore } from './weather.ts';

const frames = new PlayerFrames({ idLengthMax: 128, jsonDepthMax: 64, charsMax: 65_536 });

const users = ['u1', 'u2', 'u3', 'u4', 'u5'];
const well: Manners = { kernelBytes: 1 << 20, latencyMs: 1, pongs: 'every', isNoisy: false };

/** A world of players around the real core, and an observer that holds it to its promises. */
export class PlayersWorld {
  private readonly random: SeededRandom;
  private readonly clock: SimClock;
  private readonly store: WeatheredStore;
  private readonly observer: PlayersObserver;
  private readonly post: PostObserver;
  private readonly limits: PlayersLimits;
  private readonly isCalm: boolean;
  private readonly steps: number;
  /** Fewer meet more often. */
  private readonly people: readonly string[];
  private readonly isAboutLinks: boolean;
  private readonly sessions: SimSessions;
  private players!: Players;
  private readonly everybody: SimPlayer[] = [];
  private run = 0;
  private serial = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.isCalm = random.chance(0.25);
    this.steps = random.whole(20, 90);
    this.isAboutLinks = random.chance(0.2);
    this.people = users.slice(0, random.pick([2, 3, 5, 5]));
    this.limits = { ...anyLimits(random), changesPace: paceOfWorld(seed) };
    this.clock = new SimClock(() => this.endOfTurn());
    this.store = new WeatheredStore(this.clock, random, random.pick([0, 5, 40, 300]));
    const { limits, isCalm } = this;
    this.post = new PostObserver(
      {
        queueMax: limits.queueMax,
        awayRings: limits.awayRingsPerSender,
        addressAwayRings: limits.awayRingsPerAddress,
        isCalm,
      },
      (what) => this.observer.broke(what),
    );
    this.observer = new PlayersObserver(this.clock, { ...this.limits, isCalm }, () => this.post);
    this.sessions = new SimSessions(this.clock, random, () => this.observer);
  }

  /** Lives the whole life; resolves with the first promise that was broken. */
  async live(): Promise<string | undefined> {
    const { observer, random, clock } = this;
    await this.start();
    for (let i = 0; i < this.steps && observer.broken === undefined; i++) {
      await this.step();
      await clock.run(random.pick([0, 1, 5, 30, 120, 300, 700, 5000]));
      this.agree();
    }
    await this.settle();
    return observer.broken;
  }

  private async start(): Promise<void> {
    const { clock, observer } = this;
    this.run += 1;
    const { run } = this;
    const store = this.store.connect();
    observer.begin();
    await this.during(this.sessions.begin(store));
    const ifRunning = (act: () => void) => {
      if (run === this.run) act();
    };
    this.players = new Players(
      {
        clock,
        store,
        frames,
        topics: {
          publish: (topic, text) =>
            ifRunning(() => observer.publishes(topic, text, () => this.deliver(topic, text))),
        },
        enter: (token, onEnd) => {
          const session = this.sessions.enter(token, () => {
            if (player.wire.isOpen) player.doom = 4401;
            onEnd();
          });
          const player = observer.entered(session?.userId);
          return session && countedSession(player, session);
        },
        instanceName: 'sim',
        newId: () => 'made-up',
        transfers: filesAside(observer),
        report: () => {},
      },
      this.limits,
    );
    await this.during(this.players.begin());
  }

  private async step(): Promise<void> {
    const { random, isCalm } = this;
    const open = this.everybody.filter(({ wire }) => wire.isOpen && wire.isPresent);
    const inside = open.filter(({ isIn }) => isIn);
    const dice = random.next();
    if (dice < 0.2 || open.length === 0) this.comes();
    else if (dice < 0.7 && inside.length > 0) this.acts(random.pick(inside));
    else if (dice < 0.73) this.acts(random.pick(open));
    else if (dice < 0.78) this.store.failing = random.pick([0, 0, 0.1, 0.5, 1]);
    else if (dice < 0.82) this.sessions.end(random.pick(this.people), random.pick(open).token);
    else if (isCalm) return;
    else if (dice < 0.89) random.pick(open).wire.vanish(random.pick([undefined, 0, 0, 50, 2000]));
    else if (dice < 0.92) random.pick(open).wire.isStalled = true;
    else if (dice < 0.97) for (const { wire } of open) wire.resume();
    else if (dice < 0.98) await this.crash();
    else if (dice < 0.99) await this.stop();
  }

  private comes(): void {
    const { random, isCalm } = this;
    const manners: Manners = {
      kernelBytes: isCalm ? 1 << 20 : random.pick([400, 1500, 1 << 20, 1 << 20]),
      latencyMs: random.pick([0, 2, 20, 90]),
      pongs: random.pick(['every', 'every', 'newest', isCalm ? 'every' : 'none']),
      isNoisy: random.chance(0.2),
    };
    // In calm worlds nobody takes anybody's place.
    const away = this.people.filter((userId) => !this.observer.online.has(userId));
    const userId = random.pick(isCalm && away.length > 0 ? away : this.people);
    this.connect(userId, manners, random.pick([0, 0, 0, 0, 0, 3500, undefined]));
  }

  /** `lateMs`: when it says who it is; undefined for never. */
  private connect(userId: string, manners: Manners, lateMs: number | undefined): void {
    const { clock, random, observer } = this;
    const wire = new SimClient(`c${this.everybody.length}`, manners, this.ports, () => clock.now());
    const player: SimPlayer = newPlayer(wire.name, clock.now(), wire, (topic, text) => {
      observer.publishes(topic, text, () => this.deliver(topic, text, player));
    });
    this.everybody.push(player);
    observer.players.add(player);
    wire.data.seat = this.players.open(player.wire, addressOf(userId));
    if (lateMs === undefined) return;
    const auth =
      manners === well
        ? { type: 'session_auth', token: this.sessions.newest(userId) }
        : anyAuth(random, userId, this.sessions.tokenOf(userId));
    clock.after(lateMs, () => wire.say(JSON.stringify(auth)));
  }

  private acts({ wire }: SimPlayer): void {
    const { random } = this;
    const texts: string[] = [];
    for (let n = random.whole(1, random.chance(0.2) ? 10 : 3); n > 0; n--)
      texts.push(
        JSON.stringify(anyFrame(random, this.people, (this.serial += 1), this.isAboutLinks)),
      );
    wire.say(...texts);
  }

  private async crash(): Promise<void> {
    for (const { wire } of this.everybody) {
      wire.lose();
      wire.isPresent = false;
    }
    for (const player of this.everybody) Object.assign(player, { isIn: false, uses: 0 });
    this.post.crashed();
    this.store.cut();
    await this.start();
  }

  private async stop(): Promise<void> {
    const { observer } = this;
    this.store.failing = 0;
    observer.isDraining = true;
    const open = this.everybody.filter(({ wire }) => wire.isOpen);
    await this.during(this.players.drain(10_000));
    for (const { wire, name, awaited } of open) {
      if (wire.isOpen) observer.broke(`${name} was not closed by the stop`);
      if (wire.closeCode === 1001 && awaited.length > 0)
        observer.broke(`the stop left ${name} without an answer`);
    }
    this.post.stopped();
    this.store.cut();
    await this.start();
  }

  /** The weather clears, whoever is silent is found out, and everybody fetches what waits. */
  private async settle(): Promise<void> {
    const { clock, observer, everybody } = this;
    this.store.failing = 0;
    await clock.run(this.limits.readDeadlineMs * 3);
    this.agree();
    for (const { wire, name, awaited } of everybody) {
      if (!wire.isOpen) continue;
      if (!wire.isPresent) observer.broke(`${name} is gone, and still counts as connected`);
      if (awaited.length > 0) observer.broke(`${name} was never answered`);
    }
    this.post.judgePresence();
    const waiting = (await this.store.inner.rings.index()).map(({ ring }) => ring);
    for (const { wire, name, userId, isIn } of everybody)
      if (isIn && !wire.isStalled && wire.manners.pongs !== 'none')
        if (waiting.includes(`players/u/${userId}`))
          observer.broke(`${name} is there and well, and messages wait for it`);
    for (const { wire } of everybody) if (wire.isOpen) wire.vanish(0);
    await clock.run(2 * this.limits.reconnectGraceMs);
    this.agree();
    for (const userId of [...users, ...nobodies]) {
      await this.during(this.sessions.provide(userId));
      this.connect(userId, well, 0);
      await clock.run(3000);
      this.agree();
      everybody.at(-1)!.wire.vanish(0);
      await clock.run(100);
    }
    this.post.judge();
    const left = await this.store.inner.rings.index();
    if (left.length > 0) observer.broke(`${left[0]!.ring} keeps what was received`);
  }

  private agree(): void {
    const { observer, everybody, players } = this;
    observer.agree(everybody);
    const bytes = storedBytes(players.direct.rings);
    if (bytes > allRingBytesMax(this.limits)) observer.broke(`${bytes} bytes in the rings`);
    const strangers = everybody.filter(({ wire, isIn }) => wire.isOpen && !isIn).length;
    if (players.strangers.size !== strangers)
      observer.broke(`${players.strangers.size} strangers, not ${strangers}`);
  }

  /** Lets time pass until something is done. */
  private async during(work: Promise<void>): Promise<void> {
    let isDone = false;
    void work.then(() => (isDone = true));
    await this.clock.run(20_000, () => isDone);
    if (!isDone) this.observer.broke('a start or a stop did not end');
  }

  private endOfTurn(): void {
    for (const { wire } of this.everybody) wire.uncork();
    this.observer.endOfTurn();
  }

  private deliver(topic: string, text: string, sender?: SimPlayer): void {
    for (const player of this.observer.players)
      if (player !== sender && player.wire.topics.has(topic)) player.wire.send(text);
  }

  private playerOf(wire: SimClient): SimPlayer {
    return this.everybody.find((player) => player.wire === wire)!;
  }

  private readonly ports: ClientPorts = {
    after: (delayMs, fn) => void this.clock.after(delayMs, fn),
    random: () => this.random,
    onServerSend: (wire, text) => this.observer.sends(this.playerOf(wire), text),
    onRead: (wire, text) => {
      const { type, msg_id } = JSON.parse(text);
      if (type === 'message') this.post.read(this.playerOf(wire), msg_id);
    },
    toServer: (wire, said) => {
      const player = this.playerOf(wire);
      for (const { kind, data } of said) {
        if (!wire.isOpen) return;
        if (kind === 'pong') {
          player.seenMs = this.clock.now();
          this.post.pong(player, data);
          this.players.pong(wire.data.seat as never, data);
        } else {
          this.observer.hears(player, data, () =>
            this.players.frame(wire.data.seat as never, data),
          );
        }
      }
    },
    serverDrained: (wire) => this.players.drained(wire.data.seat as never),
    serverClosed: (wire, code) => {
      this.observer.closed(this.playerOf(wire), code);
      this.players.closed(wire.data.seat as never, code);
    },
  };
}
