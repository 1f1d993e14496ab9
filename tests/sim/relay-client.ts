import type { Peer } from '../../src/sockets/ports.ts';
import type { SeededRandom } from './random.ts';

export interface Frame {
  kind: 'text' | 'ping' | 'close';
  data: string;
}

/** How a client behaves: most are well, some read slowly, answer oddly, or are gone. */
export interface Manners {
  /** Bytes that the network takes off the server's hands before the client reads. */
  kernelBytes: number;
  latencyMs: number;
  /** `every` ping, only the `newest` of what was read at once, or `none`. */
  pongs: 'every' | 'newest' | 'none';
  /** Sends empty pongs of its own. */
  isNoisy: boolean;
}

/** What the world does for a client: the wires end here. */
export interface ClientPorts {
  after(delayMs: number, fn: () => void): void;
  random(): SeededRandom;
  /** The server handed a text frame over to this client's socket. */
  onServerSend(client: SimClient, text: string): void;
  onRead(client: SimClient, text: string): void;
  /** Frames of the client reach the server; undefined is a pong's or ping's payload. */
  toServer(client: SimClient, frames: { kind: 'text' | 'pong'; data: string }[]): void;
  serverDrained(client: SimClient): void;
  /** The server's end is closed: its close handler. */
  serverClosed(client: SimClient, code: number): void;
}

/** One connection: both of its ends and the wire between them. */
export class SimClient implements Peer {
  data: { seat: unknown } = { seat: undefined };
  role: 'mod' | 'bot' = 'mod';
  server = '';
  channel = '';
  /** The server's end is open. */
  isOpen = true;
  /** The client's end is there and reads. */
  isPresent = true;
  isStalled = false;
  /** It has said its handshake, and the server has taken it. */
  hasGreeted = false;
  hasJoined = false;
  /** A bot that has said who it is and not been welcomed; what it says is taken afterwards. */
  isWaiting = false;
  readonly waiting: (() => void)[] = [];
  closeCode: number | undefined;
  readonly topics = new Set<string>();
  /** msg_ids whose answers are still to come, in order. */
  readonly expected: string[] = [];
  /** msg_ids that the server sent it, in order, and how many of them had been sent at each ping. */
  readonly sent: string[] = [];
  readonly pingMarks = new Map<string, number>();
  receiptedTo = 0;
  readonly received = new Set<string>();
  /** By lane: the highest index that it was sent, and the lane's length when it joined. */
  readonly highest = new Map<string, number>();
  joinedAt = new Map<string, number>();
  private corked: Frame[] = [];
  private out: Frame[] = [];
  private kernel: Frame[] = [];
  private isReading = false;
  private arrivesMs = 0;

  constructor(
    readonly name: string,
    readonly manners: Manners,
    private readonly ports: ClientPorts,
    private readonly now: () => number,
  ) {}

  send(text: string): void {
    if (!this.isOpen) return;
    this.ports.onServerSend(this, text);
    this.corked.push({ kind: 'text', data: text });
  }

  cork(fn: () => void): void {
    fn();
  }

  ping(payload: string): void {
    if (!this.isOpen) return;
    this.pingMarks.set(payload, this.sent.length);
    this.corked.push({ kind: 'ping', data: payload });
  }

  close(code: number): void {
    if (!this.isOpen) return;
    this.corked.push({ kind: 'close', data: String(code) });
    this.endServer(code);
  }

  terminate(): void {
    if (!this.isOpen) return;
    this.corked = [];
    this.out = [];
    this.endServer(1006);
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  getBufferedAmount(): number {
    return bytes(this.out);
  }

  /** The client sends frames, in one packet. */
  say(...texts: string[]): void {
    this.transmit(texts.map((data) => ({ kind: 'text', data })));
  }

  /** The client's end is gone; the server hears of it after `noticeMs`, or never. */
  vanish(noticeMs: number | undefined): void {
    this.isPresent = false;
    this.kernel = [];
    if (noticeMs !== undefined) this.ports.after(noticeMs, () => this.endServer(1006));
  }

  resume(): void {
    this.isStalled = false;
    this.readLater();
  }

  /** The server's process is gone; what the kernel has still arrives. */
  lose(): void {
    this.corked = [];
    this.out = [];
    this.isOpen = false;
  }

  /** What the server sent in this turn goes to the network. */
  uncork(): void {
    if (this.corked.length === 0) return;
    this.out.push(...this.corked.splice(0));
    this.fill();
  }

  private endServer(code: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.closeCode = code;
    this.ports.serverClosed(this, code);
  }

  private fill(): void {
    while (this.out.length > 0) {
      const room = this.manners.kernelBytes - bytes(this.kernel);
      if (this.kernel.length > 0 && this.out[0]!.data.length > room) break;
      this.kernel.push(this.out.shift()!);
    }
    this.readLater();
  }

  private readLater(): void {
    if (this.isReading || !this.isPresent || this.isStalled || this.kernel.length === 0) return;
    this.isReading = true;
    this.ports.after(this.manners.latencyMs * (0.5 + this.ports.random().next()), () => {
      this.isReading = false;
      if (this.isPresent && !this.isStalled) this.read();
    });
  }

  private read(): void {
    const frames = this.kernel.splice(0, this.ports.random().whole(1, this.kernel.length));
    let pongs: string[] = [];
    for (const { kind, data } of frames) {
      if (kind === 'text') this.ports.onRead(this, data);
      else if (kind === 'ping') pongs.push(data);
      else this.isPresent = false;
    }
    if (this.manners.pongs === 'newest') pongs = pongs.slice(-1);
    if (this.manners.pongs === 'none') pongs = [];
    if (this.manners.isNoisy && this.ports.random().chance(0.3)) pongs.push('');
    if (pongs.length > 0) this.transmit(pongs.map((data) => ({ kind: 'pong', data })));
    const before = this.out.length;
    this.fill();
    if (this.isOpen && this.out.length < before) this.ports.serverDrained(this);
  }

  private transmit(frames: { kind: 'text' | 'pong'; data: string }[]): void {
    if (!this.isPresent) return;
    const { latencyMs } = this.manners;
    this.arrivesMs = Math.max(
      this.arrivesMs,
      this.now() + latencyMs * (0.5 + this.ports.random().next()),
    );
    this.ports.after(this.arrivesMs - this.now(), () => {
      if (this.isOpen) this.ports.toServer(this, frames);
    });
  }
}

function bytes(frames: readonly Frame[]): number {
  return frames.reduce((sum, { data }) => sum + data.length, 0);
}
