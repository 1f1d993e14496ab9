import { clientFrame, frameReader, joined } from '../harness/frames.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import type { Worker } from './http-worker.ts';
import { numberIn, resultText } from './texts.ts';

const PING = 9;
const PONG = 10;
const CLOSE = 8;

/** A worker at the server's `/ws`, frames by hand; what comes in one chunk is answered in one. */
export async function connectWebSocketWorker(
  port: number,
  registration: { token: string; region: string; node_id: string },
): Promise<Worker> {
  const worker: Worker = { worked: 0, firstBody: '' };
  const { promise: registered, resolve } = Promise.withResolvers<void>();
  let upgraded = false;
  let text = '';
  let answers: Uint8Array[] = [];

  function take(text: string) {
    const frame = JSON.parse(text);
    if (frame.type === 'registered') return resolve();
    if (frame.type !== 'task') voidRun(`a WebSocket worker was told ${text}`);
    const body = JSON.stringify({ payload: frame.payload });
    if (worker.worked++ === 0) worker.firstBody = body;
    answers.push(
      clientFrame(
        `{"type":"task_response","payload":{"task_id":"${frame.task_id}","response":${resultText(numberIn(body))}}}`,
      ),
    );
  }

  const read = frameReader({
    data(chunk, start, end, _, last) {
      text += Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start).toString('latin1');
      if (!last) return;
      take(text);
      text = '';
    },
    control(opcode, payload) {
      if (opcode === PING) answers.push(clientFrame(payload, PONG));
      if (opcode === CLOSE) voidRun('a WebSocket worker was closed');
    },
  });

  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(socket, bytes) {
        if (!upgraded) {
          text += bytes.toString('latin1');
          if (!text.endsWith('\r\n\r\n')) return;
          if (!text.startsWith('HTTP/1.1 101 ')) voidRun(`a WebSocket worker got ${text}`);
          upgraded = true;
          text = '';
          answers.push(clientFrame(JSON.stringify({ type: 'register', payload: registration })));
        } else read(bytes);
        if (answers.length === 0) return;
        const answer = joined(answers);
        answers = [];
        if (socket.write(answer) !== answer.length) voidRun('a worker could not write its answers');
      },
      close: () => voidRun('a WebSocket worker lost its connection'),
    },
  });
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64');
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await inTime(registered, 10_000, () => 'a WebSocket worker to register');
  return worker;
}
