/** A `/sync` that does what a test says: for refusals and faults that a real relay seldom shows. */
export interface FakeRelay {
  url: string;
  /** What clients sent after their handshakes, in order of arrival. */
  received: { msg_id: string; content: string; connection: number }[];
  handshakes: unknown[];
  stop: () => Promise<void>;
}

export interface Caller {
  /** From 1. */
  connection: number;
  send: (frame: unknown) => void;
  close: (code: number) => void;
  /** Ends the connection without a close frame. */
  cut: () => void;
}

export interface Script {
  /** An HTTP status for connection number n instead of an upgrade. */
  upgrade?: (connection: number) => number | undefined;
  /** Instead of the acknowledgement. */
  handshake?: (caller: Caller) => void;
  /** Instead of `completed` for every message. */
  message?: (caller: Caller, message: { msg_id: string; content: string }) => void;
}

export const connected = { status: 'connected', type: 'mod' };

export function startFakeRelay(script: Script = {}): FakeRelay {
  let connections = 0;
  const received: FakeRelay['received'] = [];
  const handshakes: unknown[] = [];
  const server = Bun.serve<{ connection: number; greeted: boolean }>({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, self) {
      const connection = ++connections;
      const status = script.upgrade?.(connection);
      if (status !== undefined) return new Response(null, { status });
      if (request.headers.get('X-API-Key') !== 'a-key') return new Response(null, { status: 401 });
      if (self.upgrade(request, { data: { connection, greeted: false } })) return;
      return new Response(null, { status: 426 });
    },
    websocket: {
      message(ws, text) {
        const caller: Caller = {
          connection: ws.data.connection,
          send: (frame) => void ws.send(JSON.stringify(frame)),
          close: (code) => ws.close(code),
          cut: () => ws.terminate(),
        };
        const frame = JSON.parse(String(text));
        if (!ws.data.greeted) {
          ws.data.greeted = true;
          handshakes.push(frame);
          if (script.handshake) script.handshake(caller);
          else caller.send(connected);
          return;
        }
        received.push({ ...frame, connection: ws.data.connection });
        if (script.message) script.message(caller, frame);
        else caller.send({ status: 'completed', type: 'mod', msg_id: frame.msg_id });
      },
    },
  });
  return {
    url: `ws://127.0.0.1:${server.port}`,
    received,
    handshakes,
    stop: () => server.stop(true),
  };
}
