import { connect, type Socket } from 'node:net';
import { found, headBytesMax, type HttpParser, responseParser } from './http-parser.ts';

export interface AnswerHead {
  status: number;
  /** Name, value, name, value, … */
  headers: readonly string[];
}

/** Hears one exchange, nothing after `done` or `failed`. */
export interface Exchange {
  /** The head with what is there of the body; `isWhole`: that is all. */
  head(head: AnswerHead, body: Uint8Array[], isWhole: boolean): void;
  body(bytes: Uint8Array[]): void;
  done(): void;
  /** `hasSpoken`: some byte came. `nonsense` says what is wrong with them, if
   * anything is. `isOurs`: it is our own want of descriptors. */
  failed(hasSpoken: boolean, nonsense?: string, isOurs?: boolean): void;
}

/** What a connection's pool wants to know. */
export interface Owner {
  /** Its exchange is over, and it can have another. */
  idle(connection: Connection): void;
  gone(connection: Connection): void;
}

/** Servers close connections that idle, some after two seconds: we must be faster, or lose a request. */
const idleDefaultMs = 1_500;
const idleMaxMs = 30_000;
/** How much earlier than the server says. */
const idleMarginMs = 1_000;

/** One HTTP/1.1 connection to one worker: one exchange at a time, nothing is ever sent twice. */
export class Connection {
  /** When it became idle, and how long it may be. */
  idleSinceMs = 0;
  idleForMs = idleDefaultMs;
  private readonly socket: Socket;
  private readonly parser: HttpParser = responseParser();
  private readonly connectTimer: Timer;
  private exchange: Exchange | undefined;
  private hasSpoken = false;
  /** Bytes that came ahead of the body. */
  private headBytes = 0;
  private answer: AnswerHead | undefined;
  private headers: string[] = [];
  private chunks: Uint8Array[] = [];
  private isHeadPassedOn = false;
  private isWhole = false;
  private canStay = false;
  private isGone = false;
  /** No connection for want of descriptors: not the worker's fault. */
  private isOurs = false;

  constructor(
    readonly address: string,
    where: { host: string; port: number },
    connectTimeoutMs: number,
    private readonly owner: Owner,
  ) {
    this.listen();
    this.connectTimer = setTimeout(() => this.fail(), connectTimeoutMs);
    this.socket = connect({ ...where, noDelay: true })
      .on('connect', () => clearTimeout(this.connectTimer))
      .on('data', (bytes) => this.take(bytes as Buffer))
      .on('end', () => this.ended())
      .on('error', (error: NodeJS.ErrnoException) => {
        this.isOurs = error.code === 'EMFILE' || error.code === 'ENFILE';
        this.fail();
      })
      .on('close', () => this.fail());
  }

  /** Sends a request. Only when new or idle. */
  begin(request: string, exchange: Exchange): void {
    this.exchange = exchange;
    this.hasSpoken = false;
    this.headBytes = 0;
    this.answer = undefined;
    this.headers = [];
    this.chunks = [];
    this.isHeadPassedOn = false;
    this.isWhole = false;
    this.socket.write(request);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends it; its exchange hears nothing more. */
  destroy(): void {
    this.exchange = undefined;
    if (this.isGone) return;
    this.isGone = true;
    clearTimeout(this.connectTimer);
    this.socket.destroy();
    this.owner.gone(this);
  }

  /** The parser only notes what it finds: nothing of ours runs inside of it. */
  private listen(): void {
    const { parser } = this;
    parser[found.moreHeaders] = (headers: string[]) => {
      // Behind the head they are trailers.
      if (this.answer === undefined) this.headers.push(...headers);
    };
    parser[found.head] = (
      _major: number,
      _minor: number,
      // None when the last of them came before.
      last: string[] | null | undefined,
      _method: unknown,
      _url: unknown,
      status: number,
      _text: string,
      isUpgrade: boolean,
      canStay: boolean,
    ) => {
      // Before the answer 1xx may come (RFC 9110, 15.2). Behind it, nothing that we asked for.
      this.canStay = canStay && this.answer === undefined;
      if (this.answer !== undefined) return;
      const headers = this.headers.concat(last ?? []);
      this.headers = [];
      const isAhead = status >= 100 && status < 200 && !isUpgrade;
      if (!isAhead) this.answer = { status, headers };
    };
    parser[found.body] = (bytes: Uint8Array) => {
      if (!this.isWhole) this.chunks.push(bytes);
    };
    parser[found.end] = () => {
      this.isWhole = this.answer !== undefined;
    };
  }

  private take(bytes: Uint8Array): void {
    if (this.exchange === undefined) return this.destroy(); // it speaks unasked
    this.hasSpoken = true;
    if (this.answer === undefined) this.headBytes += bytes.length;
    const taken = this.parser.execute(bytes);
    if (taken instanceof Error) {
      this.canStay = false;
      return this.passOn(`not HTTP/1.1: ${(taken as NodeJS.ErrnoException).code}`);
    }
    // The parser counts anew with every handful of headers, and with every 1xx.
    const isEndless = this.answer === undefined && this.headBytes > headBytesMax;
    if (isEndless) this.fail('head larger than 64 KiB');
    else this.passOn();
  }

  /** The worker says no more: the end of an answer that has no other. */
  private ended(): void {
    this.canStay = false;
    if (this.exchange !== undefined && this.parser.finish() === undefined) this.passOn();
    this.fail();
  }

  private passOn(nonsense?: string): void {
    const { exchange, answer, chunks } = this;
    this.chunks = [];
    if (exchange === undefined) return;
    if (this.isHeadPassedOn) {
      if (chunks.length > 0) exchange.body(chunks);
    } else if (answer !== undefined && (this.isWhole || nonsense === undefined)) {
      this.isHeadPassedOn = true;
      exchange.head(answer, chunks, this.isWhole);
    }
    // Whoever heard it may have ended it.
    if (this.exchange !== exchange) return;
    if (this.isWhole) this.done(exchange);
    else if (nonsense !== undefined) this.fail(nonsense);
  }

  private done(exchange: Exchange): void {
    this.exchange = undefined;
    const idleForMs = askedIdleMs(this.answer!.headers);
    if (this.canStay && idleForMs > 0 && this.socket.writableLength === 0) {
      this.idleForMs = idleForMs;
      // A caller that had enough may have paused it.
      this.socket.resume();
      this.owner.idle(this);
    } else this.destroy();
    exchange.done();
  }

  private fail(nonsense?: string): void {
    const { exchange } = this;
    this.destroy();
    exchange?.failed(this.hasSpoken, nonsense, this.isOurs);
  }
}

/** `Keep-Alive: timeout=5`, in seconds: RFC 2068, 19.7.1.1, as servers still send it. */
function askedIdleMs(headers: readonly string[]): number {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'keep-alive');
  const asked = at >= 0 && /\btimeout=(\d{1,6})/i.exec(headers[at + 1]!)?.[1];
  return asked ? Math.min(Number(asked) * 1000 - idleMarginMs, idleMaxMs) : idleDefaultMs;
}
