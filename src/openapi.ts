import type { TSchema } from '@sinclair/typebox';

/** One HTTP endpoint, as the OpenAPI document describes it. */
export interface Operation {
  /** The part that it belongs to. */
  tag: string;
  summary: string;
  description?: string;
  parameters?: readonly {
    name: string;
    in: 'query' | 'path' | 'header';
    summary: string;
    schema?: TSchema;
  }[];
  /** Of a JSON body. */
  body?: TSchema;
  /** By status code: what it means, and what the body is, if it has one. */
  answers: Readonly<Record<number, Answer>>;
  /** Whose key it needs; none: nobody's. */
  needs?: 'read' | 'admin' | 'task' | 'worker';
}

export interface Answer {
  summary: string;
  /** Its media type; JSON, if there is a schema. */
  type?: string;
  schema?: TSchema;
}

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
      parameters: parameters.map(({ summary: about, schema, ...where }) => ({
        ...where,
        description: about,
        required: where.in === 'path',
        schema: schema ?? { type: 'string' },
      })),
      ...(body && { requestBody: { required: true, content: jsonContent(body) } }),
      responses: Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          { description: answer.summary, ...contentOf(answer) },
        ]),
      ),
      ...(needs && { security: [{ [`${needs}Key`]: [] }, { [`${needs}Bearer`]: [] }] }),
    } as object,
  };
}

function contentOf({ type, schema }: Answer): object {
  if (schema === undefined && type === undefined) return {};
  if (type === undefined || type === 'application/json') return { content: jsonContent(schema!) };
  return { content: { [type]: { schema: schema ?? { type: 'string' } } } };
}

function jsonContent(schema: TSchema): object {
  const [example] = (schema.examples as unknown[]) ?? [];
  return { 'application/json': { schema, ...(example !== undefined && { example }) } };
}
