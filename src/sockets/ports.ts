/**
 * What a core may ask of the world. A core gets these in its constructor and nothing else: it knows
 * no Bun, no Elysia, no clock and no randomness, so a simulation can be its world.
 */

/** One WebSocket connection. Bun's `ServerWebSocket` fits it as it is. */
export interface Peer {
  /** Sends one text frame; order with `ping` and with publishes to this peer's topics holds. */
  send(text: string): unknown;
  /** Sends within `fn` leave together: outside of its own handlers each would be a system call. */
  cork(fn: () => void): unknown;
  /** A ping whose payload comes back in the pong. */
  ping(payload: string): unknown;
  /** Starts the closing handshake; the close handler has run when this returns. */
  close(code: number, reason: string): void;
  /** Ends the connection without a word; the close handler has run when this returns. */
  terminate(): void;
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  /** Bytes not yet handed to the kernel. Reads 0 inside a handler: look in the next turn. */
  getBufferedAmount(): number;
  /** `seat` is the core's own object for this connection. */
  data: { seat: unknown };
}

/** Native publish/subscribe of one listener. */
export interface Topics {
  /** One text frame to every subscriber of `topic`, in the order of the calls. */
  publish(topic: string, text: string): unknown;
}

/** Calls off what `Clock.after` planned. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since some start, for deadlines: never goes back, whoever sets the clock. */
  now(): number;
  /** Milliseconds since 1970-01-01T00:00Z, for what people read. */
  wallMs(): number;
  /** Calls `fn` once, `delayMs` from now. */
  after(delayMs: number, fn: () => void): Cancel;
  /** Calls `fn` once, when everything that arrived in this turn of the event loop is handled. */
  nextTurn(fn: () => void): void;
}
