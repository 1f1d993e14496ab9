import type { Registration } from '../worker-flags.ts';
import { work } from '../work.ts';

export interface ConnectionOptions {
  /** `ws://host:port/ws` */
  address: URL;
  registration: Registration;
  /** How often we ask for a sign of life; when none came until the next time, the server is gone. */
  heartbeatMs: number;
  takeMs: number;
  /** Takes one sentence for the user. */
  say: (text: string) => void;
  /** Ends the connection, when what is in hand has been answered. */
  signal: AbortSignal;
}

/** How a connection ended: the close code, and our node_id if we were registered. */
export interface Ended {
  code: number;
  nodeId: string | undefined;
}

type Frame =
  | { type: 'registered'; payload: { node_id: string } }
  | { type: 'task'; task_id: string; payload: unknown }
  | { type: 'cancel'; task_id: string }
  | { type: 'error'; payload: { message: string; detail?: string } }
  | { type: 'heartbeat_ack' };

const closeMs = 1_000;

/** One connection, from its opening to its end: registers, and answers tasks. */
export function serveConnection(options: ConnectionOptions): Promise<Ended> {
  const { registration, takeMs, say, signal } = options;
  const ws = new WebSocket(options.address) as unknown as Bun.WebSocket;
  const inHand = new Map<string, AbortController>();
  const over = Promise.withResolvers<Ended>();
  let nodeId: string | undefined;
  let isAlive = false;

  const pulse = setInterval(() => {
    if (!isAlive || nodeId === undefined) return ws.terminate();
    isAlive = false;
    send('heartbeat', {});
  }, options.heartbeatMs);
  ws.onopen = () => send('register', registration);
  ws.onmessage = (event) => {
    isAlive = true;
    onFrame(JSON.parse(String(event.data)) as Frame);
  };
  ws.onclose = ({ code }) => {
    clearInterval(pulse);
    signal.removeEventListener('abort', onStop);
    // The server gives them to others.
    for (const job of inHand.values()) job.abort();
    over.resolve({ code, nodeId });
  };
  signal.addEventListener('abort', onStop);
  return over.promise;

  function send(type: string, payload: object): void {
    ws.send(JSON.stringify({ type, payload }));
  }

  function onFrame(frame: Frame): void {
    if (frame.type === 'task') void onTask(frame.task_id, frame.payload);
    else if (frame.type === 'cancel') inHand.get(frame.task_id)?.abort();
    else if (frame.type === 'registered') onRegistered(frame.payload.node_id);
    else if (frame.type === 'error') onError(frame.payload);
  }

  function onRegistered(id: string): void {
    if (nodeId === undefined) say(`registered at ${options.address.origin} as ${id}`);
    nodeId = id;
  }

  function onError({ message, detail = '' }: { message: string; detail?: string }): void {
    say(`the server says: ${message} ${detail}`.trimEnd());
  }

  async function onTask(id: string, payload: unknown): Promise<void> {
    const job = new AbortController();
    inHand.set(id, job);
    const { status, body } = await work(id, payload, { takeMs, signal: job.signal });
    inHand.delete(id);
    if (!job.signal.aborted) send('task_response', { task_id: id, status, response: body });
    if (signal.aborted && inHand.size === 0) close();
  }

  function onStop(): void {
    // Registered anew with room for one, we get no further task as long as one is in hand.
    if (inHand.size > 0) send('register', { ...registration, node_id: nodeId, max_concurrency: 1 });
    else close();
  }

  function close(): void {
    ws.close(1000);
    setTimeout(() => ws.terminate(), closeMs).unref();
  }
}
