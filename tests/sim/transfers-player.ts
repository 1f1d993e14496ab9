import type { FileFrame } from '../../src/players/file-frames.ts';
import { newSeat, type PlayerPeer, type PlayerSeat } from '../../src/players/seat.ts';
import { hexOf, type Line, newLine, randomBytes, type Spec } from './transfers-specs.ts';
import type { TransfersWorld } from './transfers-world.ts';

/** A file as its sender sees it, on one connection. */
interface Sending {
  spec: Spec;
  /** Undefined before ready. */
  offset: number | undefined;
  told: number;
  hasEnded: boolean;
}

/** A user with its client: sends files, takes files, breaks off. */
export class SimPlayer {
  connection: Connection | undefined;
  /** Files of which it does not know what became. */
  readonly unsure: Spec[] = [];

  constructor(
    readonly world: TransfersWorld,
    readonly userId: string,
    readonly protocol: 1 | 2,
  ) {}

  /** Comes online; an older connection ends. */
  connect(): Connection {
    this.connection?.end();
    this.connection = new Connection(this);
    this.world.joined(this.connection);
    return this.connection;
  }
}

/** One connection: frames take their time, in order, and those on their way are lost with it. */
export class Connection {
  readonly seat: PlayerSeat;
  readonly line: Line;
  /** How it reads. */
  mood: 'fast' | 'slow' | 'stuck' = 'fast';
  private readonly sendings = new Map<string, Sending>();
  /** Protocol 1 has no ids: what was begun behind the one that is under way, as the client thinks. */
  private readonly later: Spec[] = [];
  private readonly queue: { frame: string | Uint8Array; left: number }[] = [];
  private upFreeMs = 0;
  private isReading = false;

  constructor(private readonly player: SimPlayer) {
    const { world, userId, protocol } = player;
    this.line = newLine(userId, protocol);
    const peer: Partial<PlayerPeer> = {
      send: (frame) => this.sent(typeof frame === 'string' ? frame : frame.slice()),
      close: () => this.end(),
      // As Bun does: inside a handler it knows nothing.
      getBufferedAmount: () => (world.isInHandler ? 0 : this.line.buffered),
    };
    this.seat = newSeat(peer as PlayerPeer, 'somewhere', world.clock, 0);
    Object.assign(this.seat, { state: 'open', userId, protocol });
  }

  begin(spec: Spec): void {
    const key = this.keyOf(spec.transferId);
    if (!this.sendings.has(key)) this.sendings.set(key, newSending(spec));
    else if (this.line.protocol === 1) this.later.push(spec);
    const { targetId, saysSize, saysSha256, transferId, n } = spec;
    const frame = {
      type: 'file_send_begin',
      targetUserId: targetId,
      fileName: `f${n}`,
      fileSize: saysSize,
      ...(saysSha256 && { sha256: saysSha256 }),
      ...(this.line.protocol === 2 && { transferId }),
    } as const;
    const { observer } = this.world;
    this.up(() => observer.begins(this.line, spec, () => this.say(frame)));
    if (spec.kind === 'early' && this.line.protocol === 2) this.bytes(spec, new Uint8Array(1));
  }

  /** Goes on with what it was sending. */
  goOn(): void {
    for (const sending of this.sendings.values()) this.pump(sending);
  }

  /** Something that nobody expects. */
  stray(): void {
    const { world } = this;
    const { random } = world;
    const { userId } = this.line;
    const others = world.idsOfOthers(userId);
    const id = random.chance(0.5) ? hexOf(randomBytes(random, 16)) : random.pick(others);
    const spec = { transferId: id } as Spec;
    // Protocol 1 has no ids: a stray frame would be one of the file that is under way.
    const kinds = ['received', 'bytes', 'complete'] as const;
    const what = this.line.protocol === 1 ? 'received' : random.pick(kinds);
    if (what === 'bytes') this.bytes(spec, randomBytes(random, random.whole(0, 20)));
    else if (what === 'complete') this.complete(id);
    else {
      const owed = [...world.observer.owed].filter(([, { spec }]) => spec.targetId !== userId);
      const [theirs = id] = random.chance(0.5) || owed.length === 0 ? [] : random.pick(owed);
      this.up(() => this.say({ type: 'file_received', transferId: theirs }));
    }
  }

  /** The connection ends; what the client said last may still come before. */
  cut(): void {
    this.up(() => this.end());
  }

  /** The connection has ended. */
  end(): void {
    const { player, world } = this;
    if (this.seat.state === 'closed') return;
    this.seat.state = 'closed';
    player.connection = undefined;
    for (const { spec } of this.sendings.values())
      if (this.line.protocol === 2) player.unsure.push(spec);
    world.left(this);
  }

  /** Reads some of what waits. */
  read(bytes: number): void {
    const { queue, line } = this;
    while (bytes > 0 && queue.length > 0) {
      const first = queue[0]!;
      const taken = Math.min(bytes, first.left);
      first.left -= taken;
      line.buffered -= taken;
      bytes -= taken;
      if (first.left > 0) break;
      queue.shift();
      if (typeof first.frame !== 'string') line.framesWaiting -= 1;
      this.arrived(first.frame);
    }
    this.world.handle(() => this.world.core.drained(this.seat));
  }

  private sent(frame: string | Uint8Array): void {
    const { observer } = this.world;
    const type = typeof frame === 'string' && frame.startsWith('{') ? JSON.parse(frame).type : '';
    if (this.seat.state === 'closed') return observer.broke('something is sent after the end');
    const isFailure = type === 'file_failed' && JSON.parse(frame as string).code === 500;
    if (isFailure) observer.gaveUp(this.line);
    else if (
      typeof frame !== 'string' ||
      type === 'file_send_begin' ||
      type === 'file_send_complete'
    )
      observer.gives(this.line, frame);
    else observer.told(this.line, frame);
    if (this.mood === 'fast' && this.queue.length === 0) return this.arrived(frame);
    this.queue.push({ frame, left: frame.length });
    this.line.buffered += frame.length;
    if (typeof frame !== 'string') this.line.framesWaiting += 1;
    this.readLater();
  }

  private readLater(): void {
    const { clock, random } = this.world;
    if (this.isReading) return;
    this.isReading = true;
    clock.after(random.whole(1, 30), () => {
      this.isReading = false;
      if (this.seat.state === 'closed' || this.queue.length === 0) return;
      if (this.mood !== 'stuck') this.read(this.mood === 'fast' ? 1e9 : random.whole(1, 100));
      this.readLater();
    });
  }

  /** A frame is through; the client makes something of it. */
  private arrived(frame: string | Uint8Array): void {
    const { world, line } = this;
    const { random, observer } = world;
    if (typeof frame !== 'string') return;
    if (!frame.startsWith('{')) return this.answered(legacyFrame(frame));
    const { type, transferId: id, ...rest } = JSON.parse(frame);
    if (type === 'file_send_complete') {
      if (line.protocol === 1) observer.has(line, id);
      else if (world.isOver || random.chance(0.8)) this.confirm(id);
    } else if (type === 'file_send_begin') {
      // It has it already, or thinks so.
      if (line.protocol === 2 && !world.isOver && random.chance(0.03)) this.confirm(id);
    } else if (rest.code !== 500) this.answered({ type, transferId: id, ...rest });
  }

  private confirm(id: string): void {
    const { observer } = this.world;
    this.up(() => {
      observer.has(this.line, id);
      this.say({ type: 'file_received', transferId: id });
    });
  }

  private answered(frame: any): void {
    const key = this.keyOf(frame.transferId ?? '');
    const sending = this.sendings.get(key);
    if (sending === undefined) return;
    if (frame.type === 'file_sent') return this.isOver(key);
    if (frame.type === 'file_failed') {
      if (/under way/.test(frame.message)) return void this.later.shift();
      this.isOver(key);
      if (this.world.random.chance(0.3)) this.player.unsure.push(sending.spec);
      return;
    }
    sending.told = frame.offset ?? frame.received ?? 0;
    if (frame.type === 'file_receive_ready') sending.offset = sending.told;
    this.pump(sending);
  }

  private isOver(key: string): void {
    this.sendings.delete(key);
    const next = this.later.shift();
    if (next !== undefined) this.sendings.set(key, newSending(next));
  }

  /** Sends what it may, and then that this was all. */
  private pump(sending: Sending): void {
    const { spec } = sending;
    const { random, limits } = this.world;
    const { creditBytes, frameBytesMax } = limits.sizes;
    if (sending.offset === undefined || sending.hasEnded) return;
    const end = spec.content.length - (spec.kind === 'short' ? 1 : 0);
    const isFree = this.line.protocol === 1 || spec.kind === 'greedy';
    const upTo = isFree ? end : Math.min(end, sending.told + creditBytes);
    while (sending.offset < upTo) {
      if (random.chance(this.world.pausing) && !this.world.isOver) return;
      const most = this.line.protocol === 1 ? random.pick([1e9, 300]) : frameBytesMax;
      const next = Math.min(upTo, sending.offset + random.whole(Math.min(most, 30), most));
      const piece = spec.content.slice(sending.offset, next);
      if (spec.kind === 'corrupt' && next === end) piece[piece.length - 1]! ^= 1;
      this.bytes(spec, piece);
      sending.offset = next;
    }
    if (sending.offset < end) return;
    if (spec.kind === 'long') this.bytes(spec, new Uint8Array(1));
    sending.hasEnded = true;
    this.complete(spec.transferId);
  }

  private bytes({ transferId }: Spec, piece: Uint8Array): void {
    const { world, line } = this;
    const head = line.protocol === 2 ? Buffer.from(transferId, 'hex') : Buffer.alloc(0);
    const frame = Buffer.concat([head, piece]);
    this.up(() => {
      const hand = () => world.handle(() => world.core.bytes(this.seat, frame));
      world.observer.sends(line, transferId, piece.length, hand);
    });
  }

  private complete(transferId: string): void {
    const { observer } = this.world;
    const id = this.line.protocol === 2 ? { transferId } : {};
    this.up(() => {
      const hand = () => this.say({ type: 'file_send_complete', ...id });
      observer.completes(this.line, transferId, hand);
    });
  }

  private say(frame: FileFrame): void {
    const { world } = this;
    world.handle(() => world.core.frame(this.seat, frame));
  }

  /** On its way to the server. */
  private up(act: () => void): void {
    const { clock, random } = this.world;
    const delayMs = random.chance(0.7) ? 0 : random.whole(0, 20);
    this.upFreeMs = Math.max(this.upFreeMs, clock.now() + delayMs);
    clock.after(this.upFreeMs - clock.now(), () => {
      if (this.seat.state === 'open' && !this.world.isStopping) act();
    });
  }

  private keyOf(transferId: string): string {
    return this.line.protocol === 1 ? '' : transferId;
  }

  private get world(): TransfersWorld {
    return this.player.world;
  }
}

function newSending(spec: Spec): Sending {
  return { spec, offset: undefined, told: 0, hasEnded: false };
}

function legacyFrame(text: string): object {
  if (text === 'file_receive_ready') return { type: text };
  return text.startsWith('FILE_SENT')
    ? { type: 'file_sent' }
    : { type: 'file_failed', message: text };
}
