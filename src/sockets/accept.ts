import type { Server, ServerWebSocket } from 'bun';
import { addressGroup } from '../access/networks.ts';
import type { Refusal } from '../refusal.ts';
import type { Peer } from './ports.ts';

/** What a part does with its sockets. One object for all of them, never one per socket. */
export interface SocketPart {
  /** Largest message; above it the socket is closed with 1009. */
  readonly bytesMax: number;
  opened(peer: Peer): void;
  text(peer: Peer, text: string): void;
  binary(peer: Peer, bytes: Uint8Array): void;
  pong(peer: Peer, payload: string): void;
  /** Its buffer went down. */
  drained(peer: Peer): void;
  /** Either side ended it; nothing can be sent any more. */
  closed(peer: Peer, code: number): void;
}

/** What hangs on a native socket: small, for an idle connection should cost little. */
export interface SocketData {
  seat: unknown;
  readonly part: SocketPart;
  /** Of the client, for the count. */
  readonly address: string;
}

export const socketRefusals = {
  tooManySockets: { code: 503, message: 'Too many connections (server.sockets_max).', retry: true },
  tooManyFromAddress: {
    code: 429,
    message: 'Too many connections from this address (server.sockets_per_address).',
    retry: true,
  },
  draining: { code: 503, message: 'The server is stopping.', retry: true },
  tooLarge: { code: 413, message: 'message too large', close: 1009, retry: false },
  notAnUpgrade: { code: 400, message: 'Not a WebSocket handshake (RFC 6455, 4.1).', retry: false },
} as const satisfies Record<string, Refusal>;

/** What Bun says when it has closed a socket with 1009: with the code 1006. */
const tooBig = 'Received too big message';

/** Lets sockets in, up to a number in all and for each address; the same for all listeners. */
export class Sockets {
  private readonly byAddress = new Map<string, number>();
  private count = 0;
  /** Set when the server stops: nobody new gets in. */
  draining = false;

  constructor(
    private readonly limits: { total: number; perAddress: number },
    private readonly report: (event: string, fields: object) => void,
  ) {}

  /** How many are in. */
  get size(): number {
    return this.count;
  }

  /** Upgrades a request that its part has let in. Undefined when that is done. */
  accept(server: Server<SocketData>, request: Request, data: SocketData): Refusal | undefined {
    const { address } = data;
    const group = addressGroup(address);
    const held = this.byAddress.get(group) ?? 0;
    const refusal = this.draining
      ? socketRefusals.draining
      : this.count >= this.limits.total
        ? socketRefusals.tooManySockets
        : held >= this.limits.perAddress
          ? socketRefusals.tooManyFromAddress
          : undefined;
    if (refusal !== undefined) {
      this.report('socket_refused', { address, code: refusal.code, reason: refusal.message });
      return refusal;
    }
    // Counted before the upgrade, for the open handler may close it again.
    this.count += 1;
    this.byAddress.set(group, held + 1);
    if (server.upgrade(request, { data })) return undefined;
    this.left(address);
    return socketRefusals.notAnUpgrade;
  }

  /** Bun's handlers for one listener. */
  handlers(bytesMax: number) {
    return {
      maxPayloadLength: bytesMax,
      // Each part has deadlines and bounds of its own; Bun's would drop in silence.
      idleTimeout: 0,
      sendPings: false,
      backpressureLimit: 1 << 30,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      open: (ws: ServerWebSocket<SocketData>) => ws.data.part.opened(ws),
      message: (ws: ServerWebSocket<SocketData>, frame: string | Buffer) => {
        const { part } = ws.data;
        // No text has more bytes than three for each of its UTF-16 units.
        const mayExceed = frame.length * 3 > part.bytesMax;
        if (mayExceed && Buffer.byteLength(frame) > part.bytesMax)
          ws.close(socketRefusals.tooLarge.close, socketRefusals.tooLarge.message);
        else if (typeof frame === 'string') part.text(ws, frame);
        else part.binary(ws, frame);
      },
      pong: (ws: ServerWebSocket<SocketData>, payload: Buffer) =>
        ws.data.part.pong(ws, payload.toString('latin1')),
      drain: (ws: ServerWebSocket<SocketData>) => ws.data.part.drained(ws),
      close: (ws: ServerWebSocket<SocketData>, code: number, reason: string) => {
        this.left(ws.data.address);
        ws.data.part.closed(ws, reason === tooBig ? socketRefusals.tooLarge.close : code);
      },
    };
  }

  private left(address: string): void {
    this.count -= 1;
    const group = addressGroup(address);
    const held = this.byAddress.get(group)! - 1;
    if (held === 0) this.byAddress.delete(group);
    else this.byAddress.set(group, held);
  }
}
