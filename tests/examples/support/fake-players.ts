/** `/auth` and `/player` that do what a test says: for what a real server does not do, or seldom. */
export interface FakePlayers {
  http: string;
  /** Text frames of clients after `session_auth`, in order of arrival. */
  received: Said[];
  /** What came to `POST /auth`. */
  asked: Said[];
  /** The tokens of the connections, in order. */
  tokens: string[];
  stop: () => Promise<void>;
}

export interface Said {
  type: string;
  [field: string]: any;
}

export interface Caller {
  /** From 1. */
  connection: number;
  send: (frame: object) => void;
  bytes: (frame: Uint8Array) => void;
  close: (code: number) => void;
  /** Ends the connection without a close frame. */
  cut: () => void;
}

export interface Script {
  /** Instead of a token for request number n. */
  login?: (request: number) => Response | undefined;
  /** Instead of letting a connection in. */
  hello?: (caller: Caller, token: string) => boolean;
  /** When a connection is in. */
  welcome?: (caller: Caller) => void;
  /** Every frame but pings. */
  frame?: (caller: Caller, frame: Said) => void;
  binary?: (caller: Caller, bytes: Buffer) => void;
}

export function startFakePlayers(script: Script): FakePlayers {
  let connections = 0;
  const [received, asked, tokens] = [[] as Said[], [] as Said[], [] as string[]];
  const server = Bun.serve<{ caller: Caller | undefined }>({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, self) {
      if (self.upgrade(request, { data: { caller: undefined } })) return undefined;
      asked.push((await request.json()) as Said);
      const refused = script.login?.(asked.length);
      return refused ?? Response.json({ success: true, token: `token-${asked.length}` });
    },
    websocket: {
      message(ws, text) {
        if (typeof text !== 'string') return script.binary?.(ws.data.caller!, text);
        const frame = JSON.parse(text) as Said;
        if (ws.data.caller === undefined) {
          const caller: Caller = {
            connection: ++connections,
            send: (answer) => void ws.send(JSON.stringify(answer)),
            bytes: (bytes) => void ws.send(bytes),
            close: (code) => ws.close(code),
            cut: () => ws.terminate(),
          };
          ws.data.caller = caller;
          tokens.push(frame.token);
          if (script.hello?.(caller, frame.token)) return;
          caller.send({ type: 'session_auth_result', success: true, userId: 'me' });
          script.welcome?.(caller);
        } else if (frame.type === 'ping') ws.send(JSON.stringify({ type: 'pong' }));
        else {
          received.push(frame);
          script.frame?.(ws.data.caller, frame);
        }
      },
    },
  });
  return {
    http: `http://127.0.0.1:${server.port}`,
    received,
    asked,
    tokens,
    stop: () => server.stop(true),
  };
}
