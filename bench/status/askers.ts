import { inTime, voidRun } from '../harness/void-run.ts';
import { httpReader } from '../tasks/http-reader.ts';

/** One keep-alive connection with at most one request in hand. */
export interface Asker {
  /** Sends a request that is written out already. */
  ask(request: Uint8Array): void;
  /** When the request was due, for who measures latencies. */
  dueMs: number;
  end(): void;
}

export interface AskersOptions {
  name: string;
  port: number;
  /** The answer to the request in hand; one that nobody asked for voids the run. */
  onAnswer(asker: Asker, head: string, body: string): void;
}

/** Connects askers, each a bare TCP socket: a fetch would cost more than what is measured. */
export function connectAskers(count: number, options: AskersOptions): Promise<Asker[]> {
  const { name, port } = options;

  async function connect(): Promise<Asker> {
    let isAsking = false;
    let ended = false;
    const read = httpReader((head, body) => {
      if (!isAsking) voidRun(`${name}: an answer to nothing: ${head}${body}`);
      isAsking = false;
      options.onAnswer(asker, head, body);
    });
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => read(bytes),
        close() {
          if (!ended) voidRun(`${name} closed a connection`);
        },
      },
    });
    const asker: Asker = {
      dueMs: 0,
      ask(request) {
        isAsking = true;
        if (socket.write(request) !== request.length) voidRun(`${name} took half a request`);
      },
      end() {
        ended = true;
        socket.terminate();
      },
    };
    return asker;
  }
  return inTime(Promise.all(Array.from({ length: count }, connect)), 10_000, () => name);
}
