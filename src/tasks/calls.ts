import { type AnswerHead, Connection, type Exchange, type Owner } from './connection.ts';
import type { Call, CallEvents, Calls, Link, Outgoing } from './link.ts';
import { Fault, isAnswerStatus, isEmptyStatus, passedHeaders } from './messages.ts';

export interface CallSettings {
  /** Whether `{"payload":…}` is sent, or the payload alone. */
  body: 'wrapped' | 'payload';
  connectTimeoutMs: number;
}

/** How often connections that idled for too long are looked for. */
const sweepMs = 500;

/**
 * HTTP/1.1 to workers, on connections of our own: Bun's `fetch` has 256 for the whole process,
 * sends a request again when a reused connection turns out to be closed, and cannot be told how long
 * connecting may take.
 */
export class HttpCalls implements Calls, Owner {
  private readonly idling = new Map<string, Connection[]>();
  private readonly sweeper: Timer;
  private lastDate = { wallMs: 0, text: '' };

  constructor(private readonly settings: CallSettings) {
    this.sweeper = setInterval(() => this.sweep(), sweepMs).unref();
  }

  link(host: string, port: number): Link {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return {
      address,
      isOpen: true,
      replaced() {},
      send: (task, events) => new TaskCall(this, address, this.request(address, task), events),
    };
  }

  check(address: string, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isWell: boolean) => {
        clearTimeout(timer);
        connection.destroy();
        resolve(isWell);
      };
      const connection = this.open(address);
      const timer = setTimeout(() => settle(false), timeoutMs);
      connection.begin(`GET /health HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r\n`, {
        head: ({ status }) => settle(status >= 200 && status <= 299),
        body() {},
        done() {},
        failed: () => settle(false),
      });
    });
  }

  /** Sends a request on a connection that idles, or on a new one. */
  begin(address: string, request: string, exchange: Exchange): Connection {
    const list = this.idling.get(address);
    let connection = list?.pop();
    if (list?.length === 0) this.idling.delete(address);
    if (connection !== undefined && isStale(connection)) {
      connection.destroy();
      connection = undefined;
    }
    connection ??= this.open(address);
    connection.begin(request, exchange);
    return connection;
  }

  idle(connection: Connection): void {
    connection.idleSinceMs = performance.now();
    const list = this.idling.get(connection.address);
    if (list === undefined) this.idling.set(connection.address, [connection]);
    else list.push(connection);
  }

  gone(connection: Connection): void {
    const list = this.idling.get(connection.address);
    const at = list?.indexOf(connection) ?? -1;
    if (at >= 0) list!.splice(at, 1);
    if (list?.length === 0) this.idling.delete(connection.address);
  }

  /** Ends the connections that idle. */
  close(): void {
    clearInterval(this.sweeper);
    for (const list of [...this.idling.values()]) for (const one of [...list]) one.destroy();
  }

  private open(address: string): Connection {
    const end = address.lastIndexOf(':');
    const host = address.slice(0, end).replace(/^\[(.*)\]$/, '$1');
    const port = Number(address.slice(end + 1));
    return new Connection(address, { host, port }, this.settings.connectTimeoutMs, this);
  }

  private sweep(): void {
    for (const list of [...this.idling.values()])
      for (const connection of list.filter(isStale)) connection.destroy();
  }

  /** Tasks that come together have the same deadline. */
  private rfc3339(wallMs: number): string {
    if (wallMs !== this.lastDate.wallMs)
      this.lastDate = { wallMs, text: new Date(wallMs).toISOString() };
    return this.lastDate.text;
  }

  private request(address: string, task: Outgoing): string {
    const { taskId, attempt, deadlineWallMs, payload, acceptEncoding = 'identity' } = task;
    const body = this.settings.body === 'payload' ? payload : `{"payload":${payload}}`;
    return (
      `POST /work HTTP/1.1\r\nHost: ${address}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nAccept-Encoding: ${acceptEncoding}\r\n` +
      `X-Task-Id: ${taskId}\r\nX-Task-Attempt: ${attempt}\r\n` +
      `X-Task-Deadline: ${this.rfc3339(deadlineWallMs)}\r\n\r\n${body}`
    );
  }
}

function isStale({ idleSinceMs, idleForMs }: Connection): boolean {
  return performance.now() - idleSinceMs >= idleForMs;
}

/** One task at one HTTP worker. Its answer is streamed: what the caller does not take is not read. */
class TaskCall implements Call, Exchange {
  isHeldByCaller = false;
  private readonly connection: Connection;
  private caller: ReadableStreamDefaultController<Uint8Array> | undefined;
  private hasAnswered = false;

  constructor(
    calls: HttpCalls,
    address: string,
    request: string,
    private readonly events: CallEvents,
  ) {
    this.connection = calls.begin(address, request, this);
  }

  cancel(): void {
    this.connection.destroy();
    this.breakOff();
  }

  head({ status, headers }: AnswerHead, body: Uint8Array[], isWhole: boolean): void {
    if (!isAnswerStatus(status)) {
      this.connection.destroy();
      return this.events.failed({ kind: 'garbled', detail: `status ${status}` });
    }
    const passed = passedHeaders(headers);
    if (passed instanceof Fault) {
      this.connection.destroy();
      return this.events.failed({ kind: 'garbled', detail: passed.detail });
    }
    this.hasAnswered = true;
    const answer = { status, ...passed };
    if (isEmptyStatus(status)) {
      this.events.answered({ ...answer, body: undefined });
      // Whatever it sends behind this head is nobody's.
      if (isWhole) return;
      this.connection.destroy();
      this.events.ended();
    } else if (isWhole) this.events.answered({ ...answer, body: joined(body) });
    else this.events.answered({ ...answer, body: this.stream(body) });
  }

  body(bytes: Uint8Array[]): void {
    this.events.moved();
    if (this.caller === undefined) return;
    this.caller.enqueue(joined(bytes));
    if (this.caller.desiredSize! <= 0) this.hold();
  }

  done(): void {
    this.caller?.close();
    this.caller = undefined;
    this.events.ended();
  }

  failed(hasSpoken: boolean, nonsense?: string, isOurs = false): void {
    this.breakOff();
    if (this.hasAnswered) this.events.failed({ kind: 'broken' });
    else if (!hasSpoken) this.events.failed({ kind: 'closed', ...(isOurs && { isOurs }) });
    else this.events.failed({ kind: 'garbled', detail: nonsense ?? 'closed within the head' });
  }

  private stream(first: Uint8Array[]): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (caller) => {
        this.caller = caller;
        if (first.length > 0) caller.enqueue(joined(first));
        this.hold();
      },
      // Once the answer is whole the connection may have another task's.
      pull: () => {
        if (this.caller === undefined) return;
        this.isHeldByCaller = false;
        this.connection.resume();
      },
      cancel: () => {
        if (this.caller === undefined) return;
        this.caller = undefined;
        this.hold();
      },
    });
  }

  /** The caller has enough for now. */
  private hold(): void {
    this.isHeldByCaller = true;
    this.connection.pause();
  }

  /** The caller's connection breaks, so that half an answer does not look like a whole one. */
  private breakOff(): void {
    this.caller?.error(new Error('The worker broke off.'));
    this.caller = undefined;
  }
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return (parts.length === 1 ? parts[0]! : Buffer.concat(parts)) as Uint8Array<ArrayBuffer>;
}
