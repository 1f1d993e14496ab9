import { type TSchema, Type } from '@sinclair/typebox';
import type { Refusal } from './refusal.ts';
import { socketRefusals } from './sockets/accept.ts';

/** One HTTP endpoint, as the OpenAPI document describes it. */
export interface Operation {
  /** The part that it belongs to. */
  tag: string;
  summary: string;
  description?: string;
  parameters?: readonly Parameter[];
  /** Of a JSON body. */
  body?: TSchema;
  /** By status code: what it means, and what the body is, if it has one. */
  answers: Readonly<Record<number, Answer>>;
  /** Whose key it needs; none: nobody's. */
  needs?: keyof typeof keySchemes;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  summary: string;
  schema?: TSchema;
  /** Those of a path always are. */
  required?: boolean;
}

export interface Answer {
  summary: string;
  /** Its media type; JSON, if there is a schema. */
  type?: string;
  schema?: TSchema;
  /** Instead of the schema's own. */
  example?: unknown;
  /** By name: what it says. */
  headers?: Readonly<Record<string, string>>;
}

/** In which ways a key is shown: names of `securitySchemes`, and the role that it needs. */
const keySchemes = {
  read: { schemes: ['statusKey', 'statusBearer'], role: ['read'] },
  admin: { schemes: ['statusKey', 'statusBearer'], role: ['admin'] },
  task: { schemes: ['taskKey', 'taskBearer'], role: [] },
  relay: { schemes: ['relayUrlKey', 'relayKey', 'relayBearer'], role: [] },
};

/** As Elysia takes it: in a route's hook, for the document only. */
export function operation({
  tag,
  summary,
  description,
  parameters = [],
  body,
  answers,
  needs,
}: Operation) {
  return {
    detail: {
      tags: [tag],
      summary,
      ...(description !== undefined && { description }),
      parameters: parameters.map(({ summary: about, schema, required, ...where }) => ({
        ...where,
        description: about,
        required: where.in === 'path' || required === true,
        schema: schema ?? { type: 'string' },
      })),
      ...(body && { requestBody: { required: true, content: jsonContent(body) } }),
      responses: Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          { description: answer.summary, ...headersOf(answer), ...contentOf(answer) },
        ]),
      ),
      ...(needs && {
        security: keySchemes[needs].schemes.map((name) => ({ [name]: keySchemes[needs].role })),
      }),
    } as object,
  };
}

function headersOf({ headers }: Answer): object {
  if (headers === undefined) return {};
  const described = Object.entries(headers).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return { headers: Object.fromEntries(described) };
}

function contentOf({ type = 'application/json', schema, example }: Answer): object {
  if (type === 'application/json')
    return schema === undefined ? {} : { content: jsonContent(schema, example) };
  const shown = { schema: schema ?? { type: 'string' }, ...(example !== undefined && { example }) };
  return { content: { [type]: shown } };
}

function jsonContent(schema: TSchema, example = (schema.examples as unknown[])?.[0]): object {
  return { 'application/json': { schema, ...(example !== undefined && { example }) } };
}

/** Refusals as answers, those of one status together; `bodyOf` one, as `schema` has it. */
export function refusalAnswers(
  refusals: readonly Refusal[],
  schema: TSchema,
  bodyOf: (refusal: Refusal) => object,
): Record<number, Answer> {
  const answers: Record<number, Answer> = {};
  for (const refusal of refusals) {
    const { code, message } = refusal;
    const known = answers[code];
    if (known !== undefined) {
      answers[code] = { ...known, summary: `${known.summary} Or: ${message}` };
      continue;
    }
    const headers = { ...(code === 503 && { 'Retry-After': 'Seconds to wait.' }) };
    answers[code] = { summary: message, schema, example: bodyOf(refusal), headers };
  }
  return answers;
}

/** What a request is refused with before an upgrade, in the relay's own shape. */
const refusedSchema = Type.Object({
  message: Type.String({ description: 'For people.' }),
  code: Type.Integer({ description: 'The status once more.' }),
});

/** A WebSocket's endpoint: OpenAPI knows only the GET that becomes one. */
export interface Upgrade extends Pick<
  Operation,
  'tag' | 'summary' | 'description' | 'parameters' | 'needs'
> {
  /** Before the upgrade, beside those of every listener. */
  refusals: readonly Refusal[];
  /** Its refusals that may end the connection. */
  closes: Readonly<Record<string, Refusal>>;
}

export function upgradeOperation({ refusals, closes, ...about }: Upgrade): Operation {
  const { draining, tooManySockets, tooManyFromAddress, notAnUpgrade } = socketRefusals;
  const foreign: Refusal = {
    code: 403,
    message: 'This Host is not served here, or pages of this Origin may not do that.',
    retry: false,
  };
  const all = [foreign, draining, ...refusals, tooManySockets, tooManyFromAddress, notAnUpgrade];
  const bodyOf = ({ message, code }: Refusal) => ({ message, code });
  return {
    ...about,
    description: `${about.description ?? ''}\n\n${closeTable({ ...closes, ...socketRefusals })}`,
    parameters: [
      ...(about.parameters ?? []),
      {
        name: 'Upgrade',
        in: 'header',
        summary: 'As every WebSocket library sends it (RFC 6455).',
        schema: Type.Literal('websocket'),
        required: true,
      },
    ],
    answers: {
      101: { summary: 'From here on it is a WebSocket.' },
      ...refusalAnswers(all, refusedSchema, bodyOf),
    },
  };
}

function closeTable(refusals: Readonly<Record<string, Refusal>>): string {
  const rows = Object.values(refusals)
    .filter(({ close }) => close !== undefined)
    .sort((one, other) => one.close! - other.close!)
    .map(({ close, message, retry }) => `| ${close} | ${message} | ${retry ? 'yes' : 'no'} |`);
  const head = '| close code | why | come again |\n| --- | --- | --- |';
  return [head, ...new Set(rows)].join('\n');
}
