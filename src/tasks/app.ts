import { Elysia } from 'elysia';
import { type ApiKeys, headerKey } from '../access/api-keys.ts';
import { type BodyLimits, bodyProblems, isJsonRequest, readText } from '../http-body.ts';
import { clock } from '../clock.ts';
import { operation } from '../openapi.ts';
import { type Refusal, refusedResponse } from '../refusal.ts';
import type { SocketData, SocketPart, Sockets } from '../sockets/accept.ts';
import { refusedTask, refusedWorker, taskResponse } from './answers.ts';
import { Callers } from './callers.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type HeartbeatPorts, type Origin, takeHeartbeat } from './heartbeats.ts';
import { Fault, type TaskFrames, taskRefusals } from './messages.ts';
import {
  clientsOperation,
  heartbeatOperation,
  regionOperation,
  statusOperation,
  taskOperation,
  workerSocketOperation,
} from './operations.ts';
import { clientsView, statusView } from './views.ts';
import type { WorkerSeat, WorkerSockets } from './worker-sockets.ts';

export interface TasksAppPorts {
  dispatcher: Dispatcher;
  heartbeat: HeartbeatPorts;
  workerSockets: WorkerSockets;
  sockets: Sockets;
  frames: TaskFrames;
  /** Of callers; undefined: anybody may call. */
  taskKeys: ApiKeys | undefined;
  taskLimits: BodyLimits;
  /** `path` is undefined when it is switched off. */
  socket: { path: string | undefined; connectionsMax: number; bytesMax: number };
  hierarchy: Readonly<Record<string, string>>;
  newId(): string;
  /** The listener's. Not Elysia's `server`, whose getter costs a sixth of a task. */
  server(): Bun.Server<SocketData>;
  originOf(request: Request): Origin;
  report(event: string, fields: object): void;
}

/** Largest heartbeat, in bytes. */
const heartbeatBytesMax = 64 * 1024;
/** The list of 20,000 workers is dear to make: it may be this old. */
const listAgeMaxMs = 1000;

/** `POST /task/request`, `POST /client/heartbeat`, `/ws`, and what can be seen. */
export function tasksApp(ports: TasksAppPorts) {
  const { dispatcher, frames, newId, workerSockets, heartbeat, report } = ports;
  const { workers } = heartbeat;
  const bearSilence = (request: Request, seconds: number) =>
    ports.server().timeout(request, seconds);
  const callers = new Callers({ clock, bearSilence });
  const problems = {
    tooLarge: taskRefusals.bigTask,
    full: taskRefusals.tooManyBodies,
    tooSlow: taskRefusals.slowTask,
    notUtf8: taskRefusals.badTask,
    gone: taskRefusals.badTask,
  };

  /** What never became a task. */
  function refused(refusal: Refusal, detail?: string): Response {
    dispatcher.counts.refuse(refusal);
    return refusedTask(refusal, newId(), detail);
  }

  async function taskRequest(request: Request): Promise<Response> {
    const { headers } = request;
    const { taskKeys } = ports;
    if (taskKeys !== undefined && taskKeys.find(headerKey(headers)) === undefined) {
      report('key_refused', { address: ports.originOf(request).address });
      return refused(taskRefusals.badTaskKey);
    }
    if (!isJsonRequest(headers)) return refused(taskRefusals.notJson);
    const text = await readText(request, ports.taskLimits);
    if (typeof text !== 'string') return refused(problems[text.problem]);
    const task = frames.request(text);
    if (task instanceof Fault) return refused(taskRefusals.badTask, task.detail);
    const encodings = encodingsOf(headers);
    const outcome = await callers.wait(request, (settle) =>
      dispatcher.run(task, encodings, settle),
    );
    return taskResponse(outcome);
  }

  async function takeBeat(request: Request): Promise<Response> {
    if (!isJsonRequest(request.headers)) return refusedWorker(taskRefusals.notJson);
    const { timeoutMs } = ports.taskLimits;
    const text = await readText(request, { bytesMax: heartbeatBytesMax, timeoutMs });
    if (typeof text !== 'string')
      return refusedWorker(taskRefusals.badHeartbeat, bodyProblems[text.problem]);
    const registration = frames.heartbeat(text);
    if (registration instanceof Fault)
      return refusedWorker(taskRefusals.badHeartbeat, registration.detail);
    const from = ports.originOf(request);
    const result = takeHeartbeat(registration, from, heartbeat);
    if ('nodeId' in result) return Response.json({ status: 'registered', node_id: result.nodeId });
    const { refusal, detail } = result;
    report('worker_refused', { address: from.address, reason: detail ?? refusal.message });
    return refusedWorker(refusal, detail);
  }

  let list = { text: '', madeMs: -Infinity };
  function clients(): Response {
    const nowMs = performance.now();
    if (nowMs - list.madeMs > listAgeMaxMs)
      list = { text: JSON.stringify(clientsView(workers.byId.values())), madeMs: nowMs };
    return new Response(list.text, { headers: { 'Content-Type': 'application/json' } });
  }

  const seatOf = (peer: { data: { seat: unknown } }) => peer.data.seat as WorkerSeat;
  const part: SocketPart = {
    bytesMax: ports.socket.bytesMax,
    opened: (peer) => {
      // Until here its address waited in the seat's place.
      peer.data.seat = workerSockets.open(peer, peer.data.seat as string);
    },
    text: (peer, text) => workerSockets.frame(seatOf(peer), text),
    binary: (peer) => workerSockets.frame(seatOf(peer), undefined),
    pong: (peer) => workerSockets.pong(seatOf(peer)),
    drained: (peer) => workerSockets.drained(seatOf(peer)),
    closed: (peer, code) => workerSockets.closed(seatOf(peer), code),
  };

  function socket(request: Request): Response | undefined {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return refusedResponse(taskRefusals.notUpgrading);
    if (workerSockets.size >= ports.socket.connectionsMax)
      return refusedResponse(taskRefusals.tooManyWorkerSockets);
    const { address } = ports.originOf(request);
    const data = { seat: address, part, address };
    const refusal = ports.sockets.accept(ports.server(), request, data);
    return refusal && refusedResponse(refusal);
  }

  const isSocketsOn = ports.socket.path !== undefined;
  const app = new Elysia({ name: 'tasks' })
    .post('/task/request', ({ request }) => taskRequest(request), {
      parse: 'none',
      ...operation(taskOperation(ports.taskKeys !== undefined)),
    })
    .post('/client/heartbeat', ({ request }) => takeBeat(request), {
      parse: 'none',
      ...operation(heartbeatOperation),
    })
    .get(
      '/status',
      () => statusView(workers.byId.values(), isSocketsOn, dispatcher.inFlight),
      operation(statusOperation),
    )
    .get('/clients', clients, operation(clientsOperation))
    .get('/region', () => ports.hierarchy, operation(regionOperation));
  if (ports.socket.path !== undefined)
    app.get(ports.socket.path, ({ request }) => socket(request), operation(workerSocketOperation));
  return app;
}

/** What the caller can decode, if that can stand in a header of ours. */
function encodingsOf(headers: Headers): string | undefined {
  const value = headers.get('accept-encoding');
  return value !== null && /^[ -~]{1,256}$/.test(value) ? value : undefined;
}
