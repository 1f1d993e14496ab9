import { Dispatcher, type Task } from '../../src/tasks/dispatcher.ts';
import type { Call, CallEvents, Link, Outgoing } from '../../src/tasks/link.ts';
import { TaskFrames, type WorkerAnswer } from '../../src/tasks/messages.ts';
import { Regions } from '../../src/tasks/regions.ts';
import { WorkerSockets } from '../../src/tasks/worker-sockets.ts';
import { Workers } from '../../src/tasks/workers.ts';
import { SimClock } from './clock.ts';
import { SeededRandom } from './random.ts';
import { type Held, limits, parents, type SeenTask, TasksObserver } from './tasks-observer.ts';
import { SimSocketWorker } from './tasks-socket-worker.ts';

const regions = ['a1', 'a2', 'b1', 'a', 'top', 'elsewhere'];

/** How a worker treats what it is given, for a while. */
export type Mood = 'well' | 'slow' | 'dead' | 'silent' | 'wild';

/** A world of workers and callers around the real core of the tasks. */
export class TasksWorld {
  readonly random: SeededRandom;
  readonly clock = new SimClock();
  readonly observer: TasksObserver;
  readonly workers: Workers;
  readonly sockets: WorkerSockets;
  private readonly dispatcher: Dispatcher;
  private readonly callers = new Map<SeenTask, Task>();
  private readonly homes: { nodeId: string; address: string; region: string; mood: Mood }[] = [];
  private readonly socketWorkers: SimSocketWorker[] = [];
  private readonly steps: number;
  private readonly isCalm: boolean;
  private serial = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.steps = random.whole(20, 150);
    this.isCalm = random.chance(0.2);
    const retryCount = random.pick([0, 1, 3, 3]);
    const { clock } = this;
    this.observer = new TasksObserver(clock, () => this.workers, retryCount);
    const report = () => {};
    this.workers = new Workers({ clock, regions: new Regions(parents), report }, limits);
    this.dispatcher = new Dispatcher(
      { clock, workers: this.workers, newId: () => `t${(this.serial += 1)}` },
      { ...limits, retryCount, tasksMax: random.pick([5, 1000, 1000]) },
    );
    const frames = new TaskFrames({ idLengthMax: 128, jsonDepthMax: 64, answerBytesMax: 1000 });
    let ids = 0;
    this.sockets = new WorkerSockets(
      {
        clock,
        workers: this.workers,
        frames,
        isToken: (token) => token === 'good',
        newId: () => String((ids += 1)),
        report,
      },
      { registerTimeoutMs: 5_000, writeTimeoutMs: 4_000, pingIntervalMs: 3_000, slowBytes: 500 },
    );
  }

  /** Lives the whole life; resolves with the first promise that was broken. */
  async run(): Promise<string | undefined> {
    const { observer, random, clock } = this;
    this.workers.begin();
    this.sockets.begin();
    for (let n = random.whole(1, 4); n > 0; n--) this.comes();
    for (let i = 0; i < this.steps && observer.broken === undefined; i++) {
      this.step();
      observer.agree();
      await clock.run(random.pick([0, 1, 20, 200, 1000, 6000, this.isCalm ? 0 : 40_000]));
      observer.agree();
    }
    if (random.chance(0.3)) await this.drain();
    await this.settle();
    return observer.broken;
  }

  /** A worker's link, as HTTP would make it. */
  link(home: { nodeId: string; address: string; mood: Mood }): Link {
    return {
      isOpen: true,
      address: home.address,
      replaced() {},
      send: (outgoing, events) => {
        const model = this.observer.modelOf(this.workers.byId.get(home.nodeId)!);
        return this.call(this.observer.sent(model, outgoing), home.mood, outgoing, events);
      },
    };
  }

  private step(): void {
    const { random } = this;
    const what = random.next();
    if (what < 0.6) for (let n = random.pick([1, 1, 2, 8]); n > 0; n--) this.asks();
    else if (what < 0.68) this.comes();
    else if (what < 0.78) this.beats();
    else if (what < 0.84) this.hangsUp();
    else if (what < 0.92 && !this.isCalm) this.mood();
    else if (this.socketWorkers.length > 0) random.pick(this.socketWorkers).act();
  }

  /** A caller asks. */
  private asks(): void {
    const { random, observer, clock } = this;
    const id = `t${this.serial + 1}`;
    const request = {
      region: random.pick([...regions, undefined, 'global', 'default', 'nowhere']),
      payload: JSON.stringify(id),
      timeoutMs: random.pick([100, 1000, 15_000, 15_000, 60_000]),
      mayRetry: random.chance(0.85),
      sticky: random.chance(0.2) ? random.pick(['x', 'y']) : undefined,
    };
    const task: SeenTask = {
      id,
      request,
      begunMs: clock.now(),
      sent: [],
      mayGoOn: false,
      outcome: undefined,
      hungUp: false,
    };
    observer.tasks.push(task);
    const running = this.dispatcher.run(request, undefined, (outcome) => {
      if (outcome.taskId !== id) observer.broke(`${id} is called ${outcome.taskId}`);
      observer.settled(task, outcome);
    });
    this.callers.set(task, running);
  }

  private hangsUp(): void {
    const waiting = [...this.callers.keys()].filter(({ outcome }) => outcome === undefined);
    const task = this.random.pick(waiting.length > 0 ? waiting : [...this.callers.keys()]);
    if (task === undefined) return;
    task.hungUp ||= task.outcome === undefined;
    this.callers.get(task)!.hangUp();
  }

  private comes(): void {
    const { random } = this;
    const n = random.whole(1, 8);
    if (random.chance(0.35)) {
      const worker = new SimSocketWorker(this, `w${n}`, random.pick(regions));
      this.socketWorkers.push(worker);
      return worker.connect();
    }
    // Two of the addresses are shared, and a name can move to another.
    const address = `10.0.0.${random.chance(0.9) ? n : random.whole(1, 8)}:3000`;
    this.homes.push({ nodeId: `w${n}`, address, region: random.pick(regions), mood: 'well' });
    this.beat(this.homes.at(-1)!);
  }

  private beats(): void {
    for (const home of this.homes) if (this.random.chance(0.8)) this.beat(home);
  }

  private beat(home: (typeof this.homes)[number]): void {
    const { random } = this;
    if (!this.isCalm && random.chance(0.1)) home.region = random.pick(regions);
    const arrival = {
      nodeId: home.nodeId,
      protocol: 'http',
      region: home.region,
      weight: random.pick([1, 1, 2, 5]),
      concurrencyMax: random.pick([0, 0, 1, 3]),
    } as const;
    const before = this.workers.byId.get(home.nodeId);
    const worker = this.workers.arrive(arrival, this.link(home));
    if (worker !== undefined) this.observer.arrived(worker, arrival, before);
  }

  private mood(): void {
    const { random } = this;
    if (this.homes.length === 0) return;
    const mood = random.pick(['well', 'well', 'slow', 'dead', 'silent', 'wild'] as const);
    random.pick(this.homes).mood = mood;
  }

  /** What an HTTP worker makes of a call. */
  private call(held: Held, mood: Mood, { taskId }: Outgoing, events: CallEvents): Call {
    const { observer, clock, random } = this;
    let movedMs = clock.now();
    const later = (delayMs: number, then: () => void) =>
      clock.after(delayMs, () => {
        if (!held.isOver) then();
      });
    const failsWith = (kind: 'closed' | 'garbled' | 'broken') => {
      observer.over(held, 'failed', kind === 'closed');
      events.failed({ kind });
      observer.goesOn(held.task);
    };
    const answers = () => {
      const answer: WorkerAnswer = {
        status: random.pick([200, 500]),
        contentType: 'text/plain',
        headers: [],
        body: `done ${taskId}`,
      };
      held.isAnswered = true;
      events.answered(answer);
      observer.over(held, 'succeeded');
      events.ended();
    };
    const streams = () => {
      held.isAnswered = true;
      movedMs = clock.now();
      const body = new ReadableStream<Uint8Array>();
      events.answered({ status: 200, contentType: undefined, headers: [], body });
      const goesOn = (left: number) => {
        movedMs = clock.now();
        events.moved();
        if (left > 0) return void later(random.pick([10, 5000, 29_000]), () => goesOn(left - 1));
        if (random.chance(0.3)) return failsWith('broken');
        observer.over(held, 'succeeded');
        return events.ended();
      };
      if (random.chance(0.8)) later(random.whole(1, 100), () => goesOn(random.whole(0, 4)));
      else held.isHeldByCaller = random.chance(0.5); // and then says nothing more
    };
    const quickly = random.pick([0, 1, 5, 50]);
    if (mood === 'dead') later(random.pick([0, 1, 2000]), () => failsWith('closed'));
    else if (mood === 'slow') later(random.whole(5_000, 50_000), answers);
    else if (mood === 'well') later(quickly, random.chance(0.8) ? answers : streams);
    else if (mood === 'wild') {
      const kind = random.pick(['closed', 'garbled', 'answers', 'streams'] as const);
      if (kind === 'answers') later(quickly, answers);
      else if (kind === 'streams') later(quickly, streams);
      else later(quickly, () => failsWith(kind));
    }
    return {
      get isHeldByCaller() {
        return held.isHeldByCaller;
      },
      cancel: () => {
        if (held.isOver) observer.broke(`${taskId} is cancelled when it is over`);
        const silentMs = held.isHeldByCaller ? 0 : clock.now() - movedMs;
        observer.over(held, { silentMs });
      },
    };
  }

  /** Stops as the server does: what is in hand may end, what comes is refused. */
  private async drain(): Promise<void> {
    const { clock, observer } = this;
    let isDrained = false;
    void this.dispatcher.drain(2_000).then(() => (isDrained = true));
    this.asks();
    await clock.run(3_000);
    if (!isDrained) observer.broke('the stop does not end');
    if (this.dispatcher.inFlight > 0) observer.broke('tasks are in flight after the stop');
  }

  private async settle(): Promise<void> {
    const { clock, observer } = this;
    await clock.run(200_000);
    observer.agree();
    for (const { id, outcome, hungUp } of observer.tasks)
      if (outcome === undefined && !hungUp) observer.broke(`${id} is never answered`);
    if (this.dispatcher.inFlight !== 0) observer.broke(`${this.dispatcher.inFlight} are in flight`);
    observer.ended();
    this.sockets.end();
    if (this.sockets.size > 0) observer.broke('a socket is left open');
  }
}
