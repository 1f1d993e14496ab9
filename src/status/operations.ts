import { type TSchema, Type } from '@sinclair/typebox';
import type { Answer, Operation, Parameter } from '../openapi.ts';
import type { Action, List, Page } from '../shown.ts';
import { type ApiRefusal, errorSchema, statusRefusals } from './messages.ts';
import { limitDefault, limitMax } from './paging.ts';

const error = (summary: string, { word, message, retry }: ApiRefusal): Answer => ({
  summary,
  schema: errorSchema,
  example: { error: { code: word, message } },
  ...(retry && { headers: { 'Retry-After': 'Seconds to wait.' } }),
});

const { keyNeeded, badRequest, tooLarge, notJson, notAdmin, notThere } = statusRefusals;
const { storeFailed, tooManyReaders } = statusRefusals;
const readErrors = { 401: error('No key, or a wrong one.', keyNeeded) };
const queryErrors = {
  ...readErrors,
  400: error('A parameter is unknown, or not as it must be.', badRequest),
};

const paging: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    summary: `Entries at most; ${limitDefault} if not given.`,
    schema: Type.Integer({ minimum: 1, maximum: limitMax, default: limitDefault }),
  },
  { name: 'cursor', in: 'query', summary: '`next` of the page before.' },
];

const next = Type.Union([Type.String(), Type.Null()], {
  description: 'The cursor of the next page; null: this is the last.',
  examples: [null],
});

export function listOperation(part: string, list: List<any>): Operation {
  const filters = Object.entries(list.filters).map(([name, { summary }]): Parameter => ({
    name,
    in: 'query',
    summary,
  }));
  const schema = Type.Object({ ...list.beside?.fields, items: Type.Array(list.entry), next });
  return {
    tag: part,
    summary: list.summary,
    parameters: [...paging, ...filters],
    answers: { 200: { summary: 'One page.', schema }, ...queryErrors },
    needs: 'read',
  };
}

export function pageOperation(part: string, { summary, answer: schema }: Page): Operation {
  const answers = { 200: { summary: 'As it is now.', schema }, ...readErrors };
  return { tag: part, summary, answers, needs: 'read' };
}

export function actionOperation(part: string, action: Action): Operation {
  const names = [...action.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const bodyErrors: Record<number, Answer> = {
    400: error('The body is not as it must be.', badRequest),
    413: error('The body is too large.', tooLarge),
    415: error('The body is not sent as JSON.', notJson),
  };
  return {
    tag: part,
    summary: action.summary,
    parameters: names.map((name) => ({ name, in: 'path', summary: `Of which ${name}.` })),
    ...(action.body && { body: action.body }),
    answers: {
      200: { summary: 'Done.', schema: action.answer },
      ...readErrors,
      403: error('The key has not the role admin.', notAdmin),
      404: error('There is nobody and nothing of that name.', notThere),
      ...(action.body && bodyErrors),
      503: error('The store cannot be written.', storeFailed),
    },
    needs: 'admin',
  };
}

const eventSchema: TSchema = Type.Object(
  {
    event_id: Type.String({ description: 'As `Last-Event-ID` of `/live` takes it.' }),
    time: Type.String({ format: 'date-time' }),
    level: Type.Union(['debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level))),
    part: Type.String(),
    event: Type.String(),
  },
  {
    additionalProperties: true,
    examples: [
      {
        event_id: 'mb2c4k1x-42',
        time: '2026-11-21T12:00:00.000Z',
        level: 'warn',
        part: 'relay',
        event: 'key_refused',
        address: '192.0.2.7',
      },
    ],
  },
);

export const eventsOperation: Operation = {
  tag: 'status',
  summary: 'The newest events, newest first.',
  parameters: [
    ...paging,
    { name: 'level', in: 'query', summary: 'This level and those above it.' },
    { name: 'part', in: 'query', summary: 'Of this part only.' },
    { name: 'since', in: 'query', summary: 'From this time on, as RFC 3339 has it.' },
  ],
  answers: {
    200: { summary: 'One page.', schema: Type.Object({ items: Type.Array(eventSchema), next }) },
    ...queryErrors,
  },
  needs: 'read',
};

export const metricsOperation: Operation = {
  tag: 'status',
  summary: 'Metrics for Prometheus.',
  answers: { 200: { summary: 'The text format.', type: 'text/plain' }, ...readErrors },
  needs: 'read',
};

export const liveOperation: Operation = {
  tag: 'status',
  summary: 'Server-sent events of everything that changes.',
  parameters: [
    { name: 'topics', in: 'query', summary: 'Which topics, separated by commas; none: all.' },
    { name: 'Last-Event-ID', in: 'header', summary: 'Go on behind this event.' },
  ],
  answers: {
    200: { summary: 'A stream that does not end.', type: 'text/event-stream' },
    ...queryErrors,
    503: error('Too many read it.', tooManyReaders),
  },
  needs: 'read',
};

/** `GET /health`, of every listener. */
export const healthOperation: Operation = {
  tag: 'server',
  summary: 'That the server lives.',
  answers: {
    200: { summary: 'It does.', schema: Type.Object({ status: Type.Literal('healthy') }) },
  },
};

/** `GET /ready`, of every listener. */
export const readyOperation: Operation = {
  tag: 'server',
  summary: 'Whether the server takes work.',
  answers: {
    200: { summary: 'It does.', schema: Type.Object({ status: Type.Literal('ready') }) },
    503: {
      summary: 'It stops, or its store cannot be written.',
      schema: Type.Object({
        status: Type.Literal('not ready'),
        reason: Type.String({ examples: ['stopping'] }),
      }),
    },
  },
};

/** `GET /swagger`. */
export const swaggerOperation: Operation = {
  tag: 'status',
  summary: 'This document, as a page to read and to try out.',
  answers: { 200: { summary: 'Swagger UI.', type: 'text/html' } },
};

/** `GET /swagger/json`. */
export const documentOperation: Operation = {
  tag: 'status',
  summary: 'This document.',
  answers: {
    200: {
      summary: 'OpenAPI 3.1.',
      schema: Type.Object(
        { openapi: Type.String(), info: Type.Unknown(), paths: Type.Unknown() },
        { additionalProperties: true },
      ),
      example: { openapi: '3.1.0', info: { title: 'Moonstead', version: '0.1.0' }, paths: {} },
    },
  },
};
