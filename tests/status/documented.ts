import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const ajv = addFormats(new Ajv({ strict: false }) as never) as unknown as Ajv;

export interface Media {
  schema: any;
  example?: unknown;
}

/** One operation of the document. */
export interface Documented {
  tags: string[];
  summary: string;
  description?: string;
  operationId: string;
  parameters?: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
  security?: Record<string, string[]>[];
  servers?: { url: string }[];
}

/** All operations, by names such as `get /stats`. */
export function operationsOf(document: any): Map<string, Documented> {
  const all = new Map<string, Documented>();
  for (const [path, item] of Object.entries(document.paths as object))
    for (const [method, one] of Object.entries(item as object)) all.set(`${method} ${path}`, one);
  return all;
}

/** What of a value its schema does not allow; empty: nothing. */
export function faultsOf(schema: object, value: unknown): string {
  const check = ajv.compile(schema);
  return check(value) ? '' : ajv.errorsText(check.errors);
}
