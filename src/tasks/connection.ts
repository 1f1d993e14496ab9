import { connect, type Socket } from 'node:net';
import { found, type HttpParser, responseParser } from './http-parser.ts';

export interface AnswerHead {
  status: number;
  headers: [name: string, value: string][];
}

/** Hears one exchange, nothing after `done` or `failed`. */
export interface Exchange {
  /** The head with what is there of the body; `isWhole`: that is all. */
  head(head: AnswerHead, body: Uint8Array[], isWhole: boolean): void;
  body(bytes: Uint8Array[]): void;
  done(): void;
  /** `hasSpoken`: some byte came. `nonsense` says what is wrong with them, if anything is. */
  failed(hasSpoken: boolean, nonsense?: string): void;
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
  private answer: AnswerHead | undefined;
  private headers: string[] = [];
  private chunks: Uint8Array[] = [];
  private isHeadPassedOn = false;
  private isWhole = false;
  private canStay = false;
  private isGone = false;

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
      .on('error', () => this.fail())
      .on('close', () => this.fail());
  }

  /** Sends a request. Only when new or idle. */
  begin(request: string, exchange: Exchange): void {
    this.exchange = exchange;
    this.hasSpoken = false;
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
      last: string[] | null,
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
      const flat = last === null ? this.headers : [...this.headers, ...last];
      this.headers = [];
      if (status >= 200 || isUpgrade) this.answer = { status, headers: pairs(flat) };
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
    const taken = this.parser.execute(bytes);
    if (!(taken instanceof Error)) return this.passOn();
    this.canStay = false;
    this.passOn(`not HTTP/1.1: ${(taken as NodeJS.ErrnoException).code}`);
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
    const idleForMs = this.answer!.headers.reduce(askedIdleMs, idleDefaultMs);
    if (this.canStay && idleForMs > 0 && this.socket.writableLength === 0) {
      this.idleForMs = idleForMs;
      this.owner.idle(this);
    } else this.destroy();
    exchange.done();
  }

  private fail(nonsense?: string): void {
    const { exchange } = this;
    this.destroy();
    exchange?.failed(this.hasSpoken, nonsense);
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!]);
  return list;
}

/** `Keep-Alive: timeout=5`, in seconds: RFC 2068, 19.7.1.1, as servers still send it. */
function askedIdleMs(idleMs: number, [name, value]: [string, string]): number {
  const asked = name.toLowerCase() === 'keep-alive' && /\btimeout=(\d{1,6})/i.exec(value)?.[1];
  return asked ? Math.min(Number(asked) * 1000 - idleMarginMs, idleMaxMs) : idleMs;
}
