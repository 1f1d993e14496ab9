/**
 * The control rows: the least that a Bun program can do and still pass a task on. Parses the task,
 * hands its payload to the WebSocket worker if there is one, else posts it to the worker at the port
 * in its argument, and passes on what comes back; no schema, keys, workers to choose from, failover,
 * deadline or metrics. Prints its URL.
 */
const work = `http://127.0.0.1:${process.argv[2]}/work`;
const headers = { 'content-type': 'application/json' };

let worker: Bun.ServerWebSocket | undefined;
const waiting = new Map<string, (response: Response) => void>();
let nextId = 0;
let frames: string[] = [];

/** All frames of a turn in one write: one each cost a fifth of the CPU when it was tried. */
function sendFrames() {
  const batch = frames;
  frames = [];
  worker!.cork((ws) => batch.forEach((frame) => ws.send(frame)));
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, server) {
    if (request.method === 'GET' && server.upgrade(request)) return undefined;
    const { payload } = (await request.json()) as { payload: unknown };
    if (worker === undefined) {
      const body = JSON.stringify({ payload });
      const answer = await fetch(work, { method: 'POST', headers, body });
      return new Response(await answer.arrayBuffer(), {
        status: answer.status,
        headers: { 'content-type': answer.headers.get('content-type') ?? '' },
      });
    }
    const task_id = String(nextId++);
    const { promise, resolve } = Promise.withResolvers<Response>();
    waiting.set(task_id, resolve);
    if (frames.push(JSON.stringify({ type: 'task', task_id, payload })) === 1) {
      setImmediate(sendFrames);
    }
    return promise;
  },
  websocket: {
    message(ws, text) {
      const { type, payload } = JSON.parse(text as string);
      if (type === 'register') {
        worker = ws;
        ws.send(
          `{"type":"registered","payload":{"status":"ok","node_id":${JSON.stringify(payload.node_id)}}}`,
        );
        return;
      }
      const resolve = waiting.get(payload.task_id);
      waiting.delete(payload.task_id);
      resolve?.(Response.json(payload.response));
    },
  },
});
console.log(`http://127.0.0.1:${server.port}`);
export {};
