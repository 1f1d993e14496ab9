import { type Frame, readFrame } from './frames.ts';
import { outcomeOf } from './news.ts';

export interface ConnectionOptions {
  /** `ws://host:port/player` */
  address: URL;
  token: string;
  userName: string | undefined;
  /** The server knows us now; these send until `serveConnection` resolves. */
  onIn: (send: (frame: string | Uint8Array) => void) => void;
  onFrame: (frame: Frame) => void;
  onBytes: (bytes: Buffer) => void;
  /** Ends the connection. */
  signal: AbortSignal;
}

/** How a connection ended: the close code (400: what we said of us is not taken), why, and whether we were in. */
export interface Ended {
  code: number;
  reason: string;
  wasIn: boolean;
}

/** The server pings every 30 s; after this long without a sign of life it counts as gone. */
const quietMs = 75_000;
const closeMs = 1_000;

/** One connection, from its opening to its end. */
export function serveConnection(options: ConnectionOptions): Promise<Ended> {
  const { token, userName, signal } = options;
  const ws = new WebSocket(options.address) as unknown as Bun.WebSocket;
  ws.binaryType = 'nodebuffer';
  const over = Promise.withResolvers<Ended>();
  const quiet = setTimeout(() => ws.terminate(), quietMs);
  let wasIn = false;
  let refusal = '';
  let refusedCode: number | undefined;

  ws.onopen = () => ws.send(JSON.stringify({ type: 'session_auth', token, userName, protocol: 2 }));
  ws.addEventListener('ping', () => quiet.refresh());
  ws.onmessage = ({ data }) => {
    quiet.refresh();
    if (typeof data !== 'string') return options.onBytes(data as unknown as Buffer);
    const frame = readFrame(data);
    if (wasIn && frame !== undefined) options.onFrame(frame);
    else if (frame?.type === 'session_auth_result') onResult(frame);
    else if (frame?.type === 'error') onError(frame);
  };
  ws.onclose = ({ code, reason }) => {
    clearTimeout(quiet);
    signal.removeEventListener('abort', close);
    over.resolve({ code: refusedCode ?? code, reason: refusal || reason, wasIn });
  };
  signal.addEventListener('abort', close);
  if (signal.aborted) close();
  return over.promise;

  function onResult({ success, message }: Frame): void {
    wasIn = success === true;
    if (wasIn) options.onIn((frame) => void ws.send(frame));
    else refusal = String(message);
  }

  function onError(error: Frame): void {
    refusal = outcomeOf(error);
    refusedCode = Number(error.code);
    close();
  }

  function close(): void {
    ws.close(1000);
    setTimeout(() => ws.terminate(), closeMs).unref();
  }
}
