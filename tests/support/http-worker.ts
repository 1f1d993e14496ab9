import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { until } from './moonstead.ts';

/** A request as a worker sees it. */
export interface Seen {
  head: string;
  /** By name in lower case. */
  headers: Record<string, string>;
  body: string;
  socket: Socket;
}

/** What a worker does with a request, in bytes. */
export type Answering = (seen: Seen) => unknown;

/** An HTTP worker made of bytes, that can do everything wrong. Keeps its connections open. */
export class HttpWorker {
  readonly seen: Seen[] = [];
  /** Connections that are open, and how many there have been. */
  readonly sockets = new Set<Socket>();
  connections = 0;
  /** As registered, if it is. */
  nodeId = '';

  private constructor(
    private readonly server: Server,
    readonly port: number,
    public answering: Answering,
  ) {}

  static async start(answering: Answering): Promise<HttpWorker> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    const { port } = await until('the worker to listen', () => server.address() as AddressInfo);
    const worker = new HttpWorker(server, port, answering);
    server.on('connection', (socket) => worker.serve(socket));
    return worker;
  }

  /** Waits for its request number `count`. */
  async request(count = 1): Promise<Seen> {
    return until(`request ${count}`, () => this.seen[count - 1]);
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(socket: Socket): void {
    let bytes: Buffer = Buffer.alloc(0);
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more as Buffer]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = bytes.toString('latin1', 0, end);
      const headers = Object.fromEntries(
        head
          .split('\r\n')
          .slice(1)
          .map((line) => line.split(/: (.*)/s, 2))
          .map(([name, value]) => [name!.toLowerCase(), value!]),
      );
      const whole = end + 4 + Number(headers['content-length'] ?? 0);
      if (bytes.length < whole) return;
      const body = bytes.toString('utf8', end + 4, whole);
      bytes = bytes.subarray(whole);
      const seen = { head, headers, body, socket };
      this.seen.push(seen);
      this.answering(seen);
    });
  }
}
