import type { Peer } from '../../src/sockets/ports.ts';
import type { Call } from '../../src/tasks/link.ts';
import type { WorkerSeat } from '../../src/tasks/worker-sockets.ts';
import type { Held } from './tasks-observer.ts';
import type { TasksWorld } from './tasks-world.ts';

type Frame = { type: string; task_id?: string; payload: unknown };

/** A worker on WebSocket, with a socket made of nothing. */
export class SimSocketWorker implements Peer {
  data: { seat: unknown } = { seat: undefined };
  private seat: WorkerSeat | undefined;
  private readonly inHand = new Map<string, Held>();
  /** Answered or cancelled: another answer to these is dropped. */
  private readonly past: string[] = [];
  private unread = 0;
  private isDeaf = false;
  private isMute = false;

  constructor(
    private readonly world: TasksWorld,
    private readonly nodeId: string,
    private readonly region: string,
  ) {}

  connect(): void {
    if (this.seat !== undefined) return;
    this.isDeaf = false;
    this.isMute = false;
    this.unread = 0;
    const seat = this.world.sockets.open(this, 'nowhere');
    this.seat = seat;
    const send = seat.send.bind(seat);
    seat.send = (outgoing, events) => {
      const held = this.world.observer.sent(this.world.observer.modelOf(seat.worker!), outgoing);
      this.inHand.set(outgoing.taskId, held);
      return this.watched(held, send(outgoing, events));
    };
    const { random } = this.world;
    const payload = {
      token: random.chance(0.95) ? 'good' : 'bad',
      region: this.region,
      node_id: this.nodeId,
      weight: random.pick([1, 3]),
      max_concurrency: random.pick([0, 2]),
    };
    const before = this.world.workers.byId.get(this.nodeId);
    if (random.chance(0.97)) this.frame({ type: 'register', payload });
    else this.frame({ type: 'heartbeat', payload: {} });
    const worker = this.seat?.worker;
    const said = { region: this.region, concurrencyMax: payload.max_concurrency };
    if (worker !== undefined) this.world.observer.arrived(worker, said, before);
  }

  /** Does something of its own accord. */
  act(): void {
    const { random } = this.world;
    const what = random.next();
    if (this.seat === undefined) return this.connect();
    if (what < 0.3) this.frame({ type: 'task_response', payload: this.foreign() });
    else if (what < 0.5) this.end(1000);
    else if (what < 0.6) this.end(1006);
    else if (what < 0.7) this.isMute = !this.isMute;
    else if (what < 0.8) this.isDeaf = !this.isDeaf;
    else if (what < 0.9) this.frame({ type: 'heartbeat', payload: {} });
    else this.world.sockets.frame(this.seat, random.pick(['', '[]', '{"type":"x"}', '{"type":5}']));
    if (!this.isDeaf && this.seat !== undefined && this.unread > 0) {
      this.unread = 0;
      this.world.sockets.drained(this.seat);
    }
  }

  send(text: string): void {
    // To what is closed, a frame goes nowhere.
    if (this.seat === undefined) return;
    if (this.isDeaf) this.unread += text.length;
    const { type, task_id: id, payload }: Frame = JSON.parse(text);
    if (type === 'task') this.take(id!, JSON.stringify(payload));
    else if (type === 'cancel' && (this.inHand.has(id!) || !this.past.includes(id!)))
      this.world.observer.broke(`${id} is cancelled at a stranger, or too early`);
  }

  ping(): void {
    if (this.isMute || this.isDeaf) return;
    const { seat } = this;
    this.world.clock.after(5, () => {
      if (seat !== undefined && seat === this.seat) this.world.sockets.pong(seat);
    });
  }

  close(code: number): void {
    this.end(code);
  }

  terminate(): void {
    this.end(1006);
  }

  cork(fn: () => void): void {
    fn();
  }

  subscribe(): void {}
  unsubscribe(): void {}

  getBufferedAmount(): number {
    return this.unread;
  }

  private foreign(): object {
    const { random, observer } = this.world;
    const known = [...observer.tasks.map(({ id }) => id), ...this.past];
    const task_id = random.pick(['nobody', ...known.filter((id) => !this.inHand.has(id))]);
    return { task_id, response: 'not mine' };
  }

  private frame(frame: { type: string; payload: object }): void {
    const { world, seat } = this;
    const known = seat?.worker;
    if (frame.type === 'task_response' && known !== undefined) {
      const { task_id: id } = frame.payload as { task_id: string };
      if (!this.inHand.has(id)) world.observer.modelOf(known).dropped += 1;
    }
    world.sockets.frame(seat!, JSON.stringify(frame));
  }

  /** A task as it arrives. */
  private take(id: string, payload: string): void {
    const { world } = this;
    const held = this.inHand.get(id);
    if (held === undefined) {
      if (!this.past.includes(id)) world.observer.broke(`${id} arrives at a stranger`);
      return; // cancelled before it left
    }
    if (payload !== held.task.request.payload) world.observer.broke(`${id} has another payload`);
    const { random } = world;
    const delayMs = random.pick([0, 3, 100, 100, 2_000, 14_000, 40_000]);
    world.clock.after(delayMs, () => {
      if (held.isOver || this.inHand.get(id) !== held) return;
      if (random.chance(0.05)) return; // never
      this.answer(id, held);
      if (random.chance(0.1) && this.seat !== undefined)
        this.frame({ type: 'task_response', payload: { task_id: id, response: 'again' } });
    });
  }

  private answer(id: string, held: Held): void {
    const { random, observer } = this.world;
    const isGood = random.chance(0.9);
    this.letGo(id);
    const headers = { 'Content-Type': 'text/plain' };
    const payload = { task_id: id, response: `done ${id}`, headers, status: isGood ? 200 : 99 };
    observer.over(held, isGood ? 'succeeded' : 'failed');
    this.world.sockets.frame(this.seat!, JSON.stringify({ type: 'task_response', payload }));
  }

  /** The core may give the task up. */
  private watched(held: Held, call: Call): Call {
    return {
      isHeldByCaller: false,
      cancel: () => {
        if (!held.isOver) {
          this.letGo(held.task.id);
          this.world.observer.over(held, { silentMs: this.world.clock.now() - held.sentMs });
        }
        call.cancel();
      },
    };
  }

  private letGo(id: string): void {
    this.inHand.delete(id);
    this.past.push(id);
  }

  private end(code: number): void {
    const { seat, world } = this;
    if (seat === undefined) return;
    this.seat = undefined;
    const left = [...this.inHand.entries()];
    for (const [id] of left) this.letGo(id);
    // All at once, for the core takes the worker away before it tells the first of them.
    for (const [, held] of left) world.observer.over(held, 'failed', true);
    world.sockets.closed(seat, code);
    for (const [, held] of left) world.observer.goesOn(held.task);
    if (world.random.chance(0.5))
      world.clock.after(world.random.whole(1, 20_000), () => this.connect());
  }
}
