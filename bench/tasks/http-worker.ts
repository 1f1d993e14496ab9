import type { Socket } from 'bun';
import { voidRun } from '../harness/void-run.ts';
import { httpReader } from './http-reader.ts';
import { numberIn, resultText } from './texts.ts';

export interface Worker {
  /** Tasks that it was given so far. */
  worked: number;
  /** The body that it was given first. */
  firstBody: string;
}

export interface HttpWorker extends Worker {
  /** Answers what it holds. */
  release(): void;
}

/** All results are equally long. */
const resultHead =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${resultText('000000').length}\r\n\r\n`;

/** A worker on bare TCP that answers whatever is posted; or, `holds`, keeps it until `release()`. */
export function startHttpWorker(port: number, holds = false): HttpWorker {
  const held: (() => void)[] = [];
  const worker: HttpWorker = {
    worked: 0,
    firstBody: '',
    release: () => held.splice(0).forEach((answer) => answer()),
  };

  function work(socket: Socket<Connection>, body: string) {
    if (worker.worked++ === 0) worker.firstBody = body;
    const answer = `${resultHead}${resultText(numberIn(body))}`;
    const send = () => {
      if (socket.write(answer) !== answer.length) voidRun('a worker could not write its answer');
    };
    if (holds) held.push(send);
    else send();
  }

  Bun.listen<Connection>({
    hostname: '127.0.0.1',
    port,
    socket: {
      open(socket) {
        socket.data = { read: httpReader((_, body) => work(socket, body)) };
      },
      data: (socket, bytes) => socket.data.read(bytes),
    },
  });
  return worker;
}

interface Connection {
  read(bytes: Buffer): void;
}
