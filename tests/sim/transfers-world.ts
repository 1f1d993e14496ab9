import type { TransferLimits } from '../../src/players/transfer-ports.ts';
import { Transfers } from '../../src/players/transfers.ts';
import { SimClock } from './clock.ts';
import { SeededRandom } from './random.ts';
import { SimDisk } from './transfers-disk.ts';
import { TransfersObserver } from './transfers-observer.ts';
import { type Connection, SimPlayer } from './transfers-player.ts';
import { hexOf, isLie, newSpec, randomBytes, type Spec } from './transfers-specs.ts';
import { watchedFiles, watchedRecords } from './transfers-watched.ts';
import { WeatheredStore } from './weather.ts';

const kinds = ['greedy', 'early', 'wrongHash', 'corrupt', 'short', 'long'] as const;

/** A user who never comes. */
const nobody = 'nobody';

/** A world of senders and targets around the real core of the files. */
export class TransfersWorld {
  readonly random: SeededRandom;
  readonly clock = new SimClock();
  readonly limits: TransferLimits;
  readonly observer: TransfersObserver;
  core!: Transfers;
  isInHandler = false;
  /** The program takes no frames. */
  isStopping = false;
  /** Everybody behaves from now on. */
  isOver = false;
  private readonly disk: SimDisk;
  private readonly store: WeatheredStore;
  private readonly players: SimPlayer[];
  private endedMs: number[] = [];
  private unfinishedMax: number;
  private readonly steps: number;
  private readonly isCalm: boolean;
  /** How often a sender stops in the middle until it is told to go on. */
  readonly pausing: number;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.steps = random.whole(20, 120);
    this.isCalm = random.chance(0.2);
    this.pausing = random.pick([0, 0.02, 0.1]);
    this.limits = {
      fileBytesMax: 4_000,
      legacyBytesMax: random.pick([0, 1_500, 1_500]),
      keepMs: 600_000,
      resumeMs: random.pick([300_000, 900_000]),
      stallMs: random.pick([10_000, 60_000, 900_000]),
      perUserMax: random.pick([1, 4, 4]),
      userFilesMax: random.pick([5, 100]),
      filesMax: random.pick([8, 1000]),
      userBytesMax: random.pick([5_000, 40_000]),
      totalBytesMax: random.pick([10_000, 100_000]),
      freeBytesMin: 100,
      memoryBytesMax: random.pick([1_500, 100_000]),
      sizes: { frameBytesMax: 64, progressBytes: 256, creditBytes: 1024, checkpointBytes: 700 },
    };
    this.unfinishedMax = this.limits.perUserMax;
    const { clock } = this;
    this.disk = new SimDisk(clock, random);
    this.store = new WeatheredStore(clock, random, 20);
    const isOnline = (userId: string) => this.connectionOf(userId) !== undefined;
    this.observer = new TransfersObserver(clock, this.disk, this.limits, isOnline);
    this.disk.onAppend = () => this.agree();
    this.players = ['a', 'b', 'c', 'd', 'e'].map(
      (userId) => new SimPlayer(this, userId, random.chance(0.3) ? 1 : 2),
    );
  }

  /** Lives the whole life; resolves with the first promise that was broken. */
  async run(): Promise<string | undefined> {
    const { observer, random, clock } = this;
    await this.start();
    for (let i = 0; i < this.steps && observer.broken === undefined; i++) {
      if (random.chance(0.01)) await this.crash();
      else if (random.chance(0.01)) await this.drain();
      else this.step();
      await clock.run(random.pick([0, 1, 5, 20, 100, 1000, this.isCalm ? 0 : 30_000]));
      this.agree();
    }
    if (random.chance(0.2)) await this.crash();
    if (observer.broken === undefined) await this.settle();
    return observer.broken;
  }

  /** Runs a handler of the program: until it ends, buffers read 0. */
  handle(act: () => void): void {
    const wasInHandler = this.isInHandler;
    this.isInHandler = true;
    act();
    this.isInHandler = wasInHandler;
  }

  joined({ seat }: Connection): void {
    this.handle(() => this.core.joined(seat));
  }

  left({ seat }: Connection): void {
    this.endedMs.push(this.clock.now());
    this.handle(() => this.core.left(seat));
  }

  /** Ids that mean something to others. */
  idsOfOthers(userId: string): string[] {
    const others = this.observer.specs.filter(({ senderId }) => senderId !== userId);
    return ['0'.repeat(32), ...others.map(({ transferId }) => transferId)];
  }

  private step(): void {
    const { random, disk, store } = this;
    const player = random.pick(this.players);
    const connection = player.connection;
    const what = random.next();
    if (connection === undefined) {
      if (what < 0.6) player.connect();
      for (let n = player.unsure.length; n > 0; n--) if (random.chance(0.5)) this.resumes(player);
    } else if (what < 0.4) for (let n = random.pick([1, 1, 2, 6]); n > 0; n--) this.sends(player);
    else if (what < 0.55) this.resumes(player);
    else if (what < 0.62) connection.goOn();
    else if (what < 0.68) connection.mood = random.pick(['fast', 'slow', 'stuck']);
    else if (what < 0.75) connection.cut();
    else if (what < 0.82) player.connect();
    else if (what < 0.85) connection.stray();
    else if (this.isCalm) return;
    else if (what < 0.9) disk.failing = random.pick([0, 0, 0.05, 0.5]);
    else if (what < 0.94) store.failing = random.pick([0, 0, 0.2, 1]);
    else if (what < 0.97) disk.delayMaxMs = random.pick([1, 5, 50, 1000]);
    else disk.capacity = random.pick([1e9, 1e9, 3_000, disk.used + 500]);
  }

  /** Begins a new file. */
  private sends({ userId, connection }: SimPlayer): void {
    const { random, observer } = this;
    const kind = random.chance(0.75) ? 'honest' : random.pick(kinds);
    const small = random.chance(0.4);
    const size = random.whole(kind === 'honest' ? 0 : 2, small ? 200 : random.pick([1500, 4100]));
    const targetId = random.chance(0.05) ? nobody : random.pick(this.players).userId;
    const spec = this.newSpec(userId, targetId, size, kind);
    connection!.begin(spec);
    const earlier = observer.specs.filter((one) => one.senderId === userId && !isLie(one));
    if (random.chance(0.05) && earlier.length > 0) connection!.begin(random.pick(earlier));
  }

  /** Goes on with a file of which it does not know what became. */
  private resumes({ unsure, connection }: SimPlayer): void {
    if (connection === undefined || unsure.length === 0) return;
    connection.begin(unsure.splice(this.random.whole(0, unsure.length - 1), 1)[0]!);
  }

  private newSpec(senderId: string, targetId: string, size: number, kind: Spec['kind']): Spec {
    const { specs } = this.observer;
    const spec = newSpec(this.random, specs.length, { senderId, targetId }, size, kind);
    specs.push(spec);
    return spec;
  }

  private connectionOf(userId: string): Connection | undefined {
    return this.players.find((player) => player.userId === userId)?.connection;
  }

  private agree(): void {
    const open = this.players.filter(({ connection }) => connection !== undefined);
    // The last piece for one that has gone may still be on its way.
    const ended = this.endedMs.filter((endedMs) => endedMs > this.clock.now() - 1_100);
    this.endedMs = ended;
    if (!this.isStopping) this.observer.agree(open.length + ended.length);
  }

  private async start(): Promise<void> {
    const { clock, disk, limits, observer } = this;
    const store = this.store.connect();
    this.core = new Transfers(
      {
        clock,
        files: watchedFiles(disk.connect(), observer),
        records: watchedRecords(store.records, observer),
        newId: () => {
          const id = hexOf(randomBytes(this.random, 16));
          observer.mint(id);
          return id;
        },
        seatOf: (userId) => this.connectionOf(userId)?.seat,
        report: (_level, event, fields: { id?: string }) => {
          if (event === 'file_unreadable') observer.unreadable.add(fields.id!);
          if (event === 'transfer_broke' || event === 'file_lost')
            observer.broke(`${event} ${Object.values(fields).join(' ')}`);
        },
      },
      limits,
    );
    const { failing } = disk;
    disk.failing = 0;
    let hasBegun = false;
    void this.core.begin().then(() => (hasBegun = true));
    await clock.run(60_000, () => hasBegun);
    disk.failing = failing;
    if (!hasBegun) observer.broke('the start does not end');
    this.isStopping = false;
  }

  /** What the store would give back to a next run. */
  private async stored(): Promise<Record<string, any>[]> {
    const all = await this.store.inner.records.all('transfers');
    return all.map(({ key, text }) => ({ id: key, ...JSON.parse(text) }));
  }

  /** Memory is lost, and all that was on its way. */
  private async crash(): Promise<void> {
    this.observer.note('crash');
    this.isStopping = true;
    this.core.end();
    // What could not be dropped in time is there again.
    if (this.store.failing > 0) this.unfinishedMax = Infinity;
    this.store.cut();
    this.disk.crash();
    // Nobody is told anything: the core of that run is dead.
    this.core.left = () => {};
    for (const { connection } of this.players) connection?.end();
    this.observer.crashed(new Set((await this.stored()).map(({ id }) => id)));
    await this.start();
  }

  /** Stops as the server does; what it had then survives even a loss of power. */
  private async drain(): Promise<void> {
    const { clock, disk, observer, players } = this;
    this.isStopping = true;
    const lines = players.flatMap(({ connection }) => connection?.line ?? []);
    const isWell = disk.failing === 0 && disk.delayMaxMs <= 50 && this.store.failing === 0;
    const uploads = lines.flatMap(({ uploads }) => [...uploads.values()]);
    let isDrained = false;
    void this.core.drain(20_000).then(() => (isDrained = true));
    await clock.run(21_000);
    if (!isDrained) observer.broke('the stop does not end');
    for (const { connection } of players) connection?.end();
    const stored = await this.stored();
    if (isWell && disk.capacity >= 1e9)
      for (const { spec, state, accepted, isStored } of uploads) {
        if (isStored || state !== 'ready' || accepted === 0) continue;
        const record = stored.find(({ transferId }) => transferId === spec.transferId);
        if (record && record.safeBytes !== accepted)
          observer.broke(`file ${spec.n} was at ${accepted}, and is at ${record.safeBytes}`);
      }
    await this.crash();
  }

  /** All is well from now on: everything arrives or is over, and nothing is left. */
  private async settle(): Promise<void> {
    const { clock, observer, disk, store, players, limits } = this;
    this.isOver = true;
    disk.failing = store.failing = 0;
    disk.capacity = 1e9;
    disk.delayMaxMs = 5;
    // One connection may have been refused a file by a bad disk: a new one is given it.
    for (const player of players) player.connect();
    for (let n = 0; n < 20; n++) {
      await clock.run(1_000);
      for (const { connection } of players) connection!.goOn();
    }
    this.agree();
    for (const { connection } of players)
      for (const { spec, state } of connection!.line.uploads.values())
        if (state !== 'ready') observer.broke(`file ${spec.n} is ${state} for ever`);
    for (const { spec, isDropped } of observer.owed.values())
      if (!isDropped && spec.targetId !== nobody) observer.broke(`file ${spec.n} never arrives`);
    const unfinished = (await this.stored()).filter(({ state }) => state === 'incoming');
    for (const { userId } of players)
      if (unfinished.filter(({ senderId }) => senderId === userId).length > this.unfinishedMax)
        observer.broke(`broken transfers of ${userId} pile up`);
    await clock.run(Math.max(limits.keepMs, limits.resumeMs) + 120_000);
    const stored = await this.stored();
    if (disk.files.size + stored.length > 0)
      observer.broke(`${disk.files.size} files and ${stored.length} records are left`);
    await this.beginsAnew();
  }

  /** Whatever happened, there is room for as much as at first. */
  private async beginsAnew(): Promise<void> {
    const { clock, observer, players, limits } = this;
    for (const player of players) {
      const size = player.protocol === 1 ? limits.legacyBytesMax : 2_000;
      const before = observer.seen.file_sent ?? 0;
      player.connect().begin(this.newSpec(player.userId, player.userId, size, 'honest'));
      await clock.run(5_000);
      const isOff = player.protocol === 1 && limits.legacyBytesMax === 0;
      if ((observer.seen.file_sent ?? 0) !== before + (isOff ? 0 : 1))
        observer.broke(`${player.userId} can send nothing more`);
    }
    this.core.end();
  }
}
