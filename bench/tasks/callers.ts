import { inTime, voidRun } from '../harness/void-run.ts';
import { field, httpReader } from './http-reader.ts';
import { requestBody, resultText, six } from './texts.ts';

/** One keep-alive connection of somebody who asks for one task at a time. */
export interface Caller {
  /** Asks for the task with this number, of six digits at most. */
  ask(number: number): void;
  /** When the task was due, for who measures latencies. */
  dueMs: number;
  end(): void;
}

export interface CallersOptions {
  name: string;
  port: number;
  region: string;
  /** Else the server's default. */
  timeoutMs?: number;
  /** An answer has come: the right one, or the run is void. */
  onAnswer(caller: Caller, head: string): void;
}

/**
 * Connects callers, each a bare TCP socket with requests by hand: a fetch here would cost more than
 * what is measured. Anything but the right answer to the task in hand voids the run.
 */
export function connectCallers(count: number, options: CallersOptions): Promise<Caller[]> {
  const { name, port } = options;
  const body = requestBody(options.region, six(0), options.timeoutMs);
  const request = Buffer.from(
    `POST /task/request HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const numberAt = request.lastIndexOf(six(0));
  const wrong = (why: string) => voidRun(`${name}, a caller: ${why}`);

  async function connect(): Promise<Caller> {
    let number: string | undefined;
    let ended = false;
    const read = httpReader((head, body) => {
      const expected = number === undefined ? 'no answer' : resultText(number);
      if (!head.startsWith('HTTP/1.1 200 ') || body !== expected) {
        wrong(`expected ${expected}, got ${head}\n${body}`);
      }
      if (!field(head, 'content-type')?.startsWith('application/json')) wrong(`got ${head}`);
      number = undefined;
      options.onAnswer(caller, head);
    });
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => read(bytes),
        close() {
          if (!ended) wrong(`lost its connection with task ${number} in hand`);
        },
      },
    });
    const caller: Caller = {
      dueMs: 0,
      ask(task) {
        number = six(task);
        request.write(number, numberAt, 'latin1');
        if (socket.write(request) !== request.length) wrong('could not write a request');
      },
      end() {
        ended = true;
        socket.terminate();
      },
    };
    return caller;
  }
  return inTime(Promise.all(Array.from({ length: count }, connect)), 10_000, () => name);
}
