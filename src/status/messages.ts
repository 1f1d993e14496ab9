import { type Static, Type } from '@sinclair/typebox';
import type { Refusal } from '../refusal.ts';

/** A "no" of the status API, with the word that programs look at. */
export interface ApiRefusal extends Refusal {
  word: string;
}

const no = (code: number, word: string, message: string, retry = false): ApiRefusal => ({
  code,
  word,
  message,
  retry,
});

export const statusRefusals = {
  badRequest: no(400, 'bad_request', 'Cannot read this request.'),
  keyNeeded: no(401, 'unauthorized', 'A key is needed: X-API-Key, or Authorization: Bearer.'),
  badKey: no(401, 'unauthorized', 'No such key.'),
  notAdmin: no(403, 'forbidden', 'The key has not the role admin.'),
  notThere: no(404, 'not_found', 'There is nobody and nothing of that name.'),
  tooLarge: no(413, 'too_large', 'The body is too large.'),
  notJson: no(415, 'unsupported_media_type', 'Content-Type must be application/json.'),
  tooManyReaders: no(503, 'too_many_readers', 'Too many readers of /live; try later.', true),
  storeFailed: no(503, 'store_failed', 'The store cannot be written; try later.', true),
} as const satisfies Record<string, ApiRefusal>;

/** The error of every endpoint of the status API. */
export const errorSchema = Type.Object(
  { error: Type.Object({ code: Type.String(), message: Type.String() }) },
  {
    additionalProperties: false,
    examples: [{ error: { code: 'not_found', message: 'There is nothing at this path.' } }],
  },
);

export function apiError({ code, word, retry, message }: ApiRefusal, detail?: string): Response {
  const error: Static<typeof errorSchema> = {
    error: { code: word, message: detail === undefined ? message : `${message} ${detail}` },
  };
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  if (retry) headers['Retry-After'] = '5';
  if (code === 401) headers['WWW-Authenticate'] = 'Bearer';
  return Response.json(error, { status: code, headers });
}
