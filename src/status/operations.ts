import { type TSchema, Type } from '@sinclair/typebox';
import type { Answer, Operation } from '../openapi.ts';
import type { Action, List, Page } from '../shown.ts';
import { errorSchema } from './messages.ts';
import { limitDefault, limitMax } from './paging.ts';

type Parameter = NonNullable<Operation['parameters']>[number];

const error = (summary: string) => ({ summary, schema: errorSchema });
const readErrors = { 401: error('No key, or a wrong one.') };
const queryErrors = { ...readErrors, 400: error('A parameter is unknown, or not as it must be.') };

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
    400: error('The body is not as it must be.'),
    413: error('The body is too large.'),
    415: error('The body is not sent as JSON.'),
  };
  return {
    tag: part,
    summary: action.summary,
    parameters: names.map((name) => ({ name, in: 'path', summary: `Of which ${name}.` })),
    ...(action.body && { body: action.body }),
    answers: {
      200: { summary: 'Done.', schema: action.answer },
      ...readErrors,
      403: error('The key has not the role admin.'),
      404: error('There is nobody and nothing of that name.'),
      ...(action.body && bodyErrors),
      503: error('The store cannot be written.'),
    },
    needs: 'admin',
  };
}

const eventSchema: TSchema = Type.Object(
  {
    id: Type.String({ description: 'As `Last-Event-ID` of `/live` takes it.' }),
    time: Type.String({ format: 'date-time' }),
    level: Type.Union(['debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level))),
    part: Type.String(),
    event: Type.String(),
  },
  { additionalProperties: true },
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
    503: error('Too many read it.'),
  },
  needs: 'read',
};
