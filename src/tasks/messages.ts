import { type Static, Type } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { lookInto } from '../json-text.ts';
import type { Refusal } from '../refusal.ts';
import { firstFault, idSchema, nameSchema } from '../schemas.ts';

/** Every "no" of the tasks, by name. Those that end a worker's socket carry its close code. */
export const taskRefusals = {
  badTask: { code: 400, message: 'Malformed task.', retry: false },
  badTaskKey: { code: 401, message: 'Invalid or missing API key.', retry: false },
  slowTask: { code: 408, message: 'The task did not arrive in time (body_timeout).', retry: true },
  bigTask: { code: 413, message: 'The task is too large (task_body_mb).', retry: false },
  notJson: { code: 415, message: 'Content-Type must be application/json.', retry: false },
  failed: { code: 502, message: 'Every worker that was tried failed.', retry: true },
  badAnswer: {
    code: 502,
    message: 'The worker answered something that is no answer.',
    retry: false,
  },
  tooManyTasks: { code: 503, message: 'Too many tasks in flight (tasks_max).', retry: true },
  tooManyBodies: { code: 503, message: 'Too many tasks are arriving (bodies_mb).', retry: true },
  noWorker: { code: 503, message: 'No healthy worker with room.', retry: true },
  stopping: { code: 503, message: 'The server is stopping.', retry: true },
  deadline: { code: 504, message: 'No worker answered in time (timeout_ms).', retry: true },
  badHeartbeat: { code: 400, message: 'Malformed heartbeat.', retry: false },
  badToken: { code: 401, message: 'Invalid token.', close: 4401, retry: false },
  badAddress: { code: 403, message: 'No worker may be at this address.', retry: false },
  tooManyWorkers: { code: 503, message: 'Too many workers (workers_max).', retry: true },
  tooManyWorkerSockets: {
    code: 503,
    message: 'Too many sockets of workers (ws.max_connections).',
    retry: true,
  },
  notUpgrading: { code: 426, message: 'This address speaks WebSocket.', retry: false },
  unregistered: { code: 408, message: 'not registered', close: 4408, retry: true },
  replaced: { code: 410, message: 'replaced', close: 4410, retry: false },
  leaving: { code: 503, message: 'going away', close: 1001, retry: true },
} as const satisfies Record<string, Refusal>;

export interface FrameLimits {
  /** Longest id or name, in characters. */
  idLengthMax: number;
  jsonDepthMax: number;
  /** Largest answer of a WebSocket worker. */
  answerBytesMax: number;
}

/** What something could not be read for, in words for people. */
export class Fault {
  constructor(readonly detail: string) {}
}

/** A caller's task. */
export interface TaskRequest {
  region: string | undefined;
  /** JSON text, as it came. */
  payload: string;
  timeoutMs: number;
  mayRetry: boolean;
  sticky: string | undefined;
}

function schemas(limits: FrameLimits) {
  const Id = idSchema(limits.idLengthMax);
  const Port = Type.Integer({ minimum: 1, maximum: 65_535, description: '1 to 65535' });
  const registration = {
    token: Type.String({ description: 'a string' }),
    region: Id,
    node_id: Type.Optional(Id),
    ip: Type.Optional(Type.String({ maxLength: 255, description: 'an IP address' })),
    port: Type.Optional(Port),
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: '1 to 100' })),
    max_concurrency: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000_000, description: '0 (no bound) to 1000000' }),
    ),
  };
  return {
    task: Type.Object({
      region: Type.Optional(nameSchema(limits.idLengthMax)),
      payload: Type.Unknown({ description: 'any JSON' }),
      timeout_ms: Type.Optional(
        Type.Integer({ minimum: 100, maximum: 600_000, description: '100 to 600000' }),
      ),
      retry: Type.Optional(Type.Boolean({ description: 'true or false' })),
      sticky: Type.Optional(Id),
    }),
    registration: Type.Object(registration, { description: 'an object' }),
    response: Type.Object(
      {
        task_id: Type.String({ description: 'the task_id of the task' }),
        status: Type.Optional(Type.Number({ description: 'an HTTP status' })),
        headers: Type.Optional(
          Type.Record(Type.String(), Type.String(), { description: 'names and texts' }),
        ),
      },
      { description: 'an object' },
    ),
  };
}

/** What a worker says of itself. */
export type Registration = Static<ReturnType<typeof schemas>['registration']>;

/** A frame of a worker, read. */
export type WorkerFrame =
  | { type: 'register'; registration: Registration }
  | { type: 'heartbeat' }
  | { type: 'response'; taskId: string; answer: WorkerAnswer | Fault };

/** What a worker answered, whichever way it is connected; its headers filtered. */
export interface WorkerAnswer {
  status: number;
  contentType: string | undefined;
  /** Beside the content type, names in lower case. */
  headers: [name: string, value: string][];
  /** Undefined: none. A stream breaks when its worker does. */
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined;
}

const timeoutDefaultMs = 15_000;

/** Reads what callers and workers send. Unknown fields are ignored. */
export class TaskFrames {
  private readonly task: TypeCheck<ReturnType<typeof schemas>['task']>;
  private readonly registrations: TypeCheck<ReturnType<typeof schemas>['registration']>;
  private readonly response: TypeCheck<ReturnType<typeof schemas>['response']>;

  constructor(private readonly limits: FrameLimits) {
    const { task, registration, response } = schemas(limits);
    this.task = TypeCompiler.Compile(task);
    this.registrations = TypeCompiler.Compile(registration);
    this.response = TypeCompiler.Compile(response);
  }

  /** The body of `POST /task/request`. */
  request(text: string): TaskRequest | Fault {
    const parsed = this.parse(text, ['payload']);
    if (parsed instanceof Fault) return parsed;
    const { value, member: payload } = parsed;
    if (!this.task.Check(value)) return new Fault(firstFault(value, this.task));
    // To TypeBox a member that is missing is as unknown as any other.
    if (payload === undefined) return new Fault('payload: any JSON');
    const { region, timeout_ms: timeoutMs = timeoutDefaultMs, retry = true, sticky } = value;
    return { region, payload, timeoutMs, mayRetry: retry, sticky };
  }

  /** The body of `POST /client/heartbeat`. */
  heartbeat(text: string): Registration | Fault {
    const parsed = this.parse(text, []);
    return parsed instanceof Fault ? parsed : this.registration(parsed.value);
  }

  /** A frame on `/ws`. */
  frame(text: string): WorkerFrame | Fault {
    const parsed = this.parse(text, ['payload', 'response']);
    if (parsed instanceof Fault) return parsed;
    const { value, member } = parsed;
    const { type, payload } = (value ?? {}) as { type?: unknown; payload?: unknown };
    if (type === 'heartbeat') return { type };
    if (type === 'register') {
      const registration = this.registration(payload);
      return registration instanceof Fault ? registration : { type, registration };
    }
    if (type !== 'task_response') return new Fault('type: register, heartbeat or task_response');
    const id = (payload as { task_id?: unknown } | null | undefined)?.task_id;
    if (typeof id !== 'string') return new Fault('task_id: the task_id of the task');
    return { type: 'response', taskId: id, answer: this.answer(payload, member) };
  }

  private registration(value: unknown): Registration | Fault {
    return this.registrations.Check(value)
      ? value
      : new Fault(firstFault(value, this.registrations));
  }

  /** `written`: its response as it came. */
  private answer(payload: unknown, written: string | undefined): WorkerAnswer | Fault {
    if (!this.response.Check(payload)) return new Fault(firstFault(payload, this.response));
    const { status = 200, headers = {} } = payload;
    if (!isAnswerStatus(status)) return new Fault('status: 200 to 599, not 304');
    const all = Object.entries(headers);
    const bad = all.find(([name, value]) => !isHeader(name, value))?.[0];
    if (bad !== undefined) return new Fault(`headers.${bad.slice(0, 64)}: printable ASCII`);
    const passed = passedHeaders(all.flat());
    if (passed instanceof Fault) return new Fault(`headers: ${passed.detail}`);
    const { response } = payload as { response?: unknown };
    const isText = typeof response === 'string' && passed.contentType !== undefined;
    let body = isText ? response : written;
    if (isEmptyStatus(status)) body = undefined;
    if (body !== undefined && body.length * 3 > this.limits.answerBytesMax)
      if (Buffer.byteLength(body) > this.limits.answerBytesMax)
        return new Fault('response: larger than answer_mb');
    const contentType = passed.contentType ?? (body === undefined ? undefined : 'application/json');
    return { status, contentType, headers: passed.headers, body };
  }

  /** Its value, and the text of the member at `path`. */
  private parse(
    text: string,
    path: readonly string[],
  ): { value: unknown; member: string | undefined } | Fault {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return new Fault('not JSON');
    }
    const { depth, member } = lookInto(text, path);
    if (depth > this.limits.jsonDepthMax) return new Fault('deeper than server.json_depth_max');
    return { value, member };
  }
}

/** What a worker may answer: final, and with no condition that nobody made. */
export function isAnswerStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599 && status !== 304;
}

/** Statuses that have no body (RFC 9110, 15.3.5 and 15.3.6). */
export function isEmptyStatus(status: number): boolean {
  return status === 204 || status === 205;
}

function isHeader(name: string, value: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]{1,256}$/.test(name) && /^[\t -~]*$/.test(value);
}

const headersMax = 100;
const headerCharsMax = 16 * 1024;
const passedNames = ['content-language', 'content-encoding', 'retry-after'];
const ownNames = ['x-task-id', 'x-worker-id', 'x-task-attempts', 'x-content-type-options'];
/** Orders to a proxy in front of us, such as "send this file of yours": not a worker's to give. */
const forProxies = /^x-(?:accel-|sendfile|lighttpd-)/;

/**
 * What of a worker's headers the caller gets: the content type, and those of the list. They come as
 * name, value, name, value, … Repeated ones become one (RFC 9110, 5.3). One with other than
 * printable ASCII is left out. With more than a caller's library would take, it is no answer.
 */
export function passedHeaders(
  all: readonly string[],
): Pick<WorkerAnswer, 'contentType' | 'headers'> | Fault {
  let contentType: string | undefined;
  let chars = 0;
  const headers: [string, string][] = [];
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i]!.toLowerCase();
    const value = all[i + 1]!;
    if (name === 'content-type') {
      if (isHeader(name, value)) contentType = value;
      continue;
    }
    const isPassed = name.startsWith('x-')
      ? !ownNames.includes(name) && !forProxies.test(name)
      : passedNames.includes(name);
    if (!isPassed || !isHeader(name, value)) continue;
    chars += name.length + value.length;
    if (headers.length >= headersMax || chars > headerCharsMax)
      return new Fault(`more than ${headersMax} headers, or 16 KiB of them`);
    const known = headers.find(([other]) => other === name);
    if (known) known[1] += `, ${value}`;
    else headers.push([name, value]);
  }
  return { contentType, headers };
}

export function encodeTask(taskId: string, payload: string): string {
  return `{"type":"task","task_id":"${taskId}","payload":${payload}}`;
}

export function encodeCancel(taskId: string): string {
  return `{"type":"cancel","task_id":"${taskId}"}`;
}

export function encodeRegistered(nodeId: string): string {
  return JSON.stringify({ type: 'registered', payload: { status: 'ok', node_id: nodeId } });
}

export function encodeHeartbeatAck(timestamp: string): string {
  return JSON.stringify({ type: 'heartbeat_ack', payload: { timestamp } });
}

export function encodeError(refusal: Refusal | string, detail?: string): string {
  const message = typeof refusal === 'string' ? refusal : refusal.message;
  return JSON.stringify({ type: 'error', payload: { message, detail } });
}
