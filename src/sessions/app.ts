import { Elysia } from 'elysia';
import { type BodyLimits, bodyProblems, isJsonRequest, readText } from '../http-body.ts';
import { operation } from '../openapi.ts';
import { type Refusal, refusedResponse } from '../refusal.ts';
import type { SocketData, SocketPart, Sockets } from '../sockets/accept.ts';
import type { AuthSeat, AuthSockets } from './auth-sockets.ts';
import {
  answerFields,
  Fault,
  readRequest,
  requestOf,
  type SessionAnswer,
  type SessionRequest,
  sessionRefusals,
} from './messages.ts';
import { authOperation, authSocketOperation, pluginOperation } from './operations.ts';
import type { Sessions } from './sessions.ts';

export interface SessionsAppPorts {
  sessions: Sessions;
  authSockets: AuthSockets;
  sockets: Sockets;
  bodyLimits: BodyLimits;
  jsonDepthMax: number;
  /** Whether `GET /sessions?userId=` is ours: not beside the status API, which has that path. */
  hasPluginRoute: boolean;
  server(): Bun.Server<SocketData>;
  addressOf(request: Request): string;
  /** Whether a web page that may not act here sent it. */
  isOfForeignPage(request: Request): boolean;
}

/** What waits in the seat's place until the socket is open. */
interface Arriving {
  address: string;
  userId: string | undefined;
}

const notJson: Refusal = {
  code: 415,
  message: 'Content-Type must be application/json.',
  retry: false,
};

/** `/auth` by WebSocket and by POST, and the plugin's `GET /sessions?userId=`. */
export function sessionsApp(ports: SessionsAppPorts) {
  const { sessions, authSockets, addressOf } = ports;
  const seatOf = (peer: { data: { seat: unknown } }) => peer.data.seat as AuthSeat;
  const part: SocketPart = {
    bytesMax: ports.bodyLimits.bytesMax,
    opened: (peer) => {
      const { address, userId } = peer.data.seat as Arriving;
      peer.data.seat = authSockets.open(peer, address, userId);
    },
    text: (peer, text) => authSockets.frame(seatOf(peer), text),
    binary: (peer) => authSockets.frame(seatOf(peer), undefined),
    pong: (peer) => authSockets.alive(seatOf(peer)),
    drained() {},
    closed: (peer) => authSockets.closed(seatOf(peer)),
  };

  function upgrade(request: Request): Response | undefined {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return refusedResponse(sessionRefusals.notUpgrading);
    const address = addressOf(request);
    const seat: Arriving = { address, userId: userIdOf(request) };
    const data = { seat, part, address };
    const refusal = ports.sockets.accept(ports.server(), request, data);
    return refusal && refusedResponse(refusal);
  }

  async function post(request: Request): Promise<Response> {
    if (!isJsonRequest(request.headers)) return refused(notJson);
    const text = await readText(request, ports.bodyLimits);
    if (typeof text !== 'string')
      return refused(sessionRefusals.badMessage, bodyProblems[text.problem]);
    return answered(readRequest(text, ports.jsonDepthMax), request, answerFields);
  }

  /**
   * Today's plugin asks for a token this way, and reads nothing but that. It is a GET that acts, which
   * the guard of the listener lets through.
   */
  function plugin(request: Request): Promise<Response> | Response {
    if (ports.isOfForeignPage(request)) {
      sessions.figures.refused.foreignPage += 1;
      return refused(sessionRefusals.foreignPage);
    }
    const asked = requestOf(userIdOf(request) ?? '');
    return answered(asked, request, (answer) => ('token' in answer ? { token: answer.token } : {}));
  }

  async function answered(
    asked: SessionRequest | Fault,
    request: Request,
    fields: (answer: SessionAnswer) => object,
  ): Promise<Response> {
    if (asked instanceof Fault) return refused(sessionRefusals.badMessage, asked.detail);
    const answer = await sessions.answer(asked, addressOf(request));
    if ('refusal' in answer) return refused(answer.refusal, undefined, answer.retryAfterS);
    return Response.json(fields(answer), { headers: { 'Cache-Control': 'no-store' } });
  }

  const app = new Elysia({ name: 'sessions' })
    .get('/auth', ({ request }) => upgrade(request), operation(authSocketOperation))
    .post('/auth', ({ request }) => post(request), {
      parse: 'none',
      ...operation(authOperation(notJson)),
    });
  return ports.hasPluginRoute
    ? app.get('/sessions', ({ request }) => plugin(request), operation(pluginOperation))
    : app;
}

/** Not by `URL`, which throws for what clients may write into the `Host` before it. */
function userIdOf({ url }: Request): string | undefined {
  const start = url.indexOf('?');
  if (start < 0) return undefined;
  return new URLSearchParams(url.slice(start)).get('userId') ?? undefined;
}

function refused({ code, message }: Refusal, detail?: string, retryAfterS = 5): Response {
  const headers: Record<string, string> = code === 429 ? { 'Retry-After': `${retryAfterS}` } : {};
  return Response.json({ success: false, message, detail }, { status: code, headers });
}
