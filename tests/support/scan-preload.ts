/**
 * Loaded before a server's program, into its process: looks at everything that leaves by its listeners
 * and its log, and reports what must not. It looks where things are made or handed over, so nothing
 * waits for it and no stream flows differently.
 */
import { appendFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { Scanner, type Watched, watchedVariable } from './scan.ts';

type Function = (...given: any[]) => any;

const { secrets, report }: Watched = JSON.parse(process.env[watchedVariable]!);
delete process.env[watchedVariable];
const reported = new Set<string>();
const scanner = new Scanner((what, where) => {
  const line = `${what} in ${where}\n`;
  if (reported.has(line)) return;
  reported.add(line);
  appendFileSync(report, line);
});
for (const [name, value] of secrets) scanner.learn(name, value);

/** Puts something in front of a method. */
function before(owner: any, name: string, look: (self: any, given: any[]) => void): void {
  const native = owner[name] as Function;
  owner[name] = function (this: unknown, ...given: unknown[]) {
    look(this, given);
    return native.apply(this, given);
  };
}

function lookAt(value: unknown, where: string): void {
  if (typeof value === 'string') scanner.look(value, where);
  else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    scanner.lookAtBytes(value, where);
}

/** Who says a secret or a token says it as JSON. */
const nativeParse = JSON.parse;
JSON.parse = (text: string, ...more: any[]) => {
  const value = nativeParse(text, ...more);
  if (typeof value?.secret === 'string') scanner.learn('secret of a user', value.secret);
  if (typeof value?.token === 'string') scanner.learnToken(value.token);
  return value;
};

/** Bodies that are no streams, until their answers leave. */
const bodies = new WeakMap<Response, unknown>();
const NativeResponse = Response;

function hold(response: Response, body: unknown): Response {
  if (body !== null && body !== undefined) bodies.set(response, body);
  return response;
}

globalThis.Response = new Proxy(NativeResponse, {
  construct: (native, given) => hold(Reflect.construct(native, given), given[0]),
});
const nativeJson = NativeResponse.json;
NativeResponse.json = (value: unknown, init?: any) =>
  hold(nativeJson(value, init), JSON.stringify(value));
const nativeClone = NativeResponse.prototype.clone;
NativeResponse.prototype.clone = function (this: Response) {
  return hold(nativeClone.call(this) as Response, bodies.get(this)) as never;
};

/** A source whose pieces are looked at as it hands them over. */
function watched(source: any): any {
  const look = scanner.pieces('a stream');
  const seen = new WeakSet<object>();
  const watch = (controller: any) => {
    if (seen.has(controller)) return;
    seen.add(controller);
    for (const name of ['enqueue', 'write'])
      if (name in controller) before(controller, name, (_, [piece]) => piece && look(piece));
  };
  const all = { ...source };
  for (const name of ['start', 'pull'])
    if (source[name] !== undefined)
      all[name] = (controller: any) => {
        watch(controller);
        return source[name](controller);
      };
  if (source.cancel !== undefined) all.cancel = (reason: unknown) => source.cancel(reason);
  return all;
}

globalThis.ReadableStream = new Proxy(ReadableStream, {
  construct: (native, [source, ...more]) =>
    Reflect.construct(native, source === undefined ? [] : [watched(source), ...more]),
});

/** What is issued there is the owner's. */
function issues(method: string, path: string, query: string): boolean {
  return (
    path === '/auth' || (method === 'GET' && path === '/sessions' && /[?&]userId=/.test(query))
  );
}

function leaves(response: unknown, { method, url }: Request): any {
  if (!(response instanceof NativeResponse)) return response;
  const { pathname, search } = new URL(url);
  const where = `${method} ${pathname}`;
  const body = bodies.get(response);
  if (typeof body === 'string' && issues(method, pathname, search))
    scanner.lookBehindIssue(body, where);
  else lookAt(body, where);
  scanner.look(response.statusText, where);
  for (const [name, value] of response.headers as unknown as Iterable<[string, string]>)
    scanner.look(`${name}: ${value}`, `the headers of ${where}`);
  return response;
}

const answering =
  (handle: Function): Function =>
  (request: Request, ...more) => {
    const response = handle(request, ...more);
    return response instanceof Promise
      ? response.then((one) => leaves(one, request))
      : leaves(response, request);
  };

function watchedRoute(route: any): any {
  if (typeof route === 'function') return answering(route);
  if (route instanceof NativeResponse || typeof route !== 'object' || route === null) return route;
  return Object.fromEntries(Object.entries(route).map(([name, one]) => [name, watchedRoute(one)]));
}

/** By what hangs on a socket: where it was upgraded. */
const paths = new WeakMap<object, string>();

function lookAtFrame(socket: { data?: object } | undefined, frame: unknown): void {
  const path = (socket?.data && paths.get(socket.data)) ?? '';
  const where = `a frame of ${path || 'a topic'}`;
  if (typeof frame !== 'string') {
    // Bytes are pieces of files, which players send each other: much, and none of our words.
    if (frame instanceof ArrayBuffer || ArrayBuffer.isView(frame))
      scanner.lookAtContent(frame, where);
  } else if (path === '/auth') scanner.lookBehindIssue(frame, where);
  else scanner.look(frame, where);
}

let areSocketsWatched = false;

function watchSockets(prototype: object): void {
  if (areSocketsWatched) return;
  areSocketsWatched = true;
  for (const name of ['send', 'sendText', 'sendBinary', 'ping', 'pong'])
    before(prototype, name, (socket, [frame]) => lookAtFrame(socket, frame));
  for (const name of ['publish', 'publishText', 'publishBinary'])
    before(prototype, name, (_, [, frame]) => lookAtFrame(undefined, frame));
  before(prototype, 'close', (_, [, reason]) => lookAt(reason, 'the reason of a close'));
}

function watchedServer(options: any): any {
  const { fetch, routes, websocket } = options;
  const open = (socket: object) => {
    watchSockets(Object.getPrototypeOf(socket));
    return websocket.open?.(socket);
  };
  return {
    ...options,
    ...(fetch && { fetch: answering(fetch) }),
    ...(routes && {
      routes: Object.fromEntries(
        Object.entries(routes).map(([path, route]) => [path, watchedRoute(route)]),
      ),
    }),
    ...(websocket && { websocket: { ...websocket, open } }),
  };
}

let isServerWatched = false;
const nativeServe = Bun.serve as Function;
(Bun as { serve: Function }).serve = (options) => {
  const server = nativeServe(watchedServer(options));
  if (isServerWatched) return server;
  isServerWatched = true;
  const prototype = Object.getPrototypeOf(server);
  before(prototype, 'publish', (_, [, frame]) => lookAtFrame(undefined, frame));
  before(prototype, 'upgrade', (_, [request, options]) => {
    if (options?.data)
      paths.set(options.data, /^\w+:\/\/[^/]*([^?#]*)/.exec(request.url)?.[1] ?? '');
  });
  const reload = prototype.reload;
  prototype.reload = function (options: any) {
    return reload.call(this, watchedServer(options));
  };
  return server;
};

// What the server asks of others, such as workers.
before(Socket.prototype, 'write', (_, [piece]) => lookAt(piece, 'a request of its own'));
for (const stream of [process.stdout, process.stderr])
  before(stream, 'write', (_, [piece]) => lookAt(piece, 'a line of output'));
