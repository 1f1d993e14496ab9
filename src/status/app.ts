import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { Elysia } from 'elysia';
import type { ApiKeys } from '../access/api-keys.ts';
import { type BodyLimits, bodyProblems, isJsonRequest, readText } from '../http-body.ts';
import { jsonDepth } from '../json-text.ts';
import { operation } from '../openapi.ts';
import { firstFault } from '../schemas.ts';
import type { Action, List, Shown } from '../shown.ts';
import { mayNotRead, operatorOf, type StatusRole } from './access.ts';
import { eventStream } from './event-stream.ts';
import type { Journal } from './journal.ts';
import type { Live } from './live.ts';
import { type ApiRefusal, apiError, statusRefusals } from './messages.ts';
import {
  actionOperation,
  eventsOperation,
  listOperation,
  liveOperation,
  metricsOperation,
  pageOperation,
} from './operations.ts';
import { BadQuery, eventsOf, pageOf, type Paged } from './paging.ts';
import { wishOf } from './wish.ts';

export interface StatusAppPorts {
  /** By part. */
  shown: ReadonlyMap<string, Shown>;
  keys: ApiKeys<StatusRole>;
  isPublic: boolean;
  journal: Journal;
  live: Live;
  metrics(): Promise<string>;
  bodyLimits: BodyLimits;
  jsonDepthMax: number;
  report(level: 'info' | 'warn', event: string, fields: object): void;
}

/** What is of one listener. */
export interface Mount {
  /** Empty, or `/api`. */
  prefix: string;
  /** Whether reading without a key is open here. */
  isOpenHere: boolean;
  bearSilence(request: Request, seconds: number): void;
  originOf(request: Request): { address: string; isForwarded: boolean };
}

/** The endpoints that only read. */
export function readingApp(ports: StatusAppPorts, mount: Mount) {
  const { shown, journal, live } = ports;
  const app = new Elysia({ name: `status ${mount.prefix}`, prefix: mount.prefix });

  /** What the request gets, if it may read. */
  function reading(request: Request, answer: () => Response | Promise<Response>) {
    const { address, isForwarded } = mount.originOf(request);
    const refusal = mayNotRead(request.headers, isForwarded, { ...ports, ...mount });
    if (refusal === undefined) return answer();
    if (refusal === statusRefusals.badKey) ports.report('warn', 'key_refused', { address });
    return apiError(refusal);
  }

  for (const [part, { lists = [], pages = [] }] of shown) {
    for (const list of lists)
      app.get(
        list.path,
        ({ request }) => reading(request, () => listAnswer(list, request)),
        operation(listOperation(part, list)),
      );
    for (const page of pages)
      app.get(
        page.path,
        ({ request }) => reading(request, () => json(page.read())),
        operation(pageOperation(part, page)),
      );
  }
  const events = ({ request }: { request: Request }) =>
    reading(request, () => paged(eventsOf(journal, queryOf(request))));
  return app
    .get('/logs', events, operation(eventsOperation))
    .get('/events/recent', events, operation(eventsOperation))
    .get(
      '/metrics',
      ({ request }) =>
        reading(
          request,
          async () => new Response(await ports.metrics(), { headers: metricsHeaders }),
        ),
      operation(metricsOperation),
    )
    .get(
      '/live',
      ({ request }) =>
        reading(request, () => {
          const wish = wishOf(queryOf(request), request.headers);
          if (wish instanceof BadQuery) return apiError(statusRefusals.badRequest, wish.detail);
          const stream = eventStream(live, wish, request, mount.bearSilence);
          return stream ?? apiError(statusRefusals.tooManyReaders);
        }),
      operation(liveOperation),
    );
}

/** What operators do. */
export function actingApp(ports: StatusAppPorts, mount: Mount) {
  const app = new Elysia({ name: 'status actions' });
  for (const [part, { actions = [] }] of ports.shown)
    for (const action of actions) {
      const act = actor(action, ports);
      app.route(
        action.method,
        action.path.replace(/\{(\w+)\}/g, ':$1'),
        async ({ request, params }) => {
          const operator = operatorOf(request.headers, { ...ports, ...mount });
          if ('by' in operator) return act(request, params as Record<string, string>, operator.by);
          const { address } = mount.originOf(request);
          ports.report('warn', 'key_refused', { address });
          return apiError(operator);
        },
        { parse: 'none', ...operation(actionOperation(part, action)) },
      );
    }
  return app;
}

function actor(action: Action, { bodyLimits, jsonDepthMax, report }: StatusAppPorts) {
  const check = TypeCompiler.Compile(action.body ?? Type.Unknown());

  async function bodyOf(request: Request): Promise<{ body: unknown } | Response> {
    if (action.body === undefined) return { body: undefined };
    if (!isJsonRequest(request.headers)) return apiError(statusRefusals.notJson);
    const text = await readText(request, bodyLimits);
    if (typeof text !== 'string') {
      return text.problem === 'tooLarge'
        ? apiError(statusRefusals.tooLarge)
        : apiError(statusRefusals.badRequest, bodyProblems[text.problem]);
    }
    const bad = (detail: string) => apiError(statusRefusals.badRequest, detail);
    if (jsonDepth(text) > jsonDepthMax)
      return bad('JSON is nested too deep (server.json_depth_max)');
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return bad('the body is not JSON');
    }
    return check.Check(body) ? { body } : bad(firstFault(body, check));
  }

  return async (request: Request, params: Record<string, string>, by: string) => {
    const read = await bodyOf(request);
    if (read instanceof Response) return read;
    let done: object | undefined | ApiRefusal;
    try {
      done = await action.act(params, read.body);
    } catch (error) {
      report('warn', 'operator_failed', {
        by,
        act: actName(action),
        ...params,
        error: String(error),
      });
      return apiError(statusRefusals.storeFailed);
    }
    if (done === undefined) return apiError(statusRefusals.notThere);
    report('info', 'operator_acted', { by, act: actName(action), ...params });
    return json(done);
  };
}

const actName = ({ method, path }: Action) => `${method} ${path}`;

const metricsHeaders = {
  'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
  'Cache-Control': 'no-store',
};

/** Not by `URL`, which throws for a strange Host. */
function queryOf({ url }: Request): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(url)?.[1]);
}

function listAnswer(list: List<any>, request: Request): Response {
  const page = pageOf(list, queryOf(request));
  return paged(page instanceof BadQuery ? page : { ...list.beside?.read(), ...page });
}

function paged(page: Paged | BadQuery): Response {
  return page instanceof BadQuery ? apiError(statusRefusals.badRequest, page.detail) : json(page);
}

function json(value: object): Response {
  return Response.json(value, { headers: { 'Cache-Control': 'no-store' } });
}
