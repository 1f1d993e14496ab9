import { Elysia } from 'elysia';
import { type Operation, operation } from '../openapi.ts';
import { type BuiltPage, type Encoding, encodings, type File } from './assets.ts';

export interface DashboardPaths {
  /** Of the document. */
  pages: readonly string[];
  /** Folder of what it needs. */
  files: string;
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // No text becomes HTML or a script, also by a mistake in the page.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const common = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Accept-Encoding',
};

/**
 * The dashboard: a document, and the files that it needs. Got by `get` at the first request, then
 * kept; if that fails, got again at the next one.
 */
export function dashboardApp(
  { pages, files }: DashboardPaths,
  get: (filesPath: string) => Promise<BuiltPage>,
) {
  let getting: Promise<BuiltPage> | undefined;
  const page = () =>
    (getting ??= get(files).catch((error) => {
      getting = undefined;
      throw error;
    }));

  const app = new Elysia({ name: 'dashboard' });
  for (const path of pages)
    app.get(
      path,
      async ({ request }) => {
        const { document } = await page();
        const headers = { 'Content-Security-Policy': policy, 'Cache-Control': 'no-cache' };
        return answer(document, request, headers);
      },
      operation(pageOperation),
    );
  return app.get(
    `${files}/:name`,
    async ({ request, params }) => {
      const { files: all } = await page();
      const file = all.get(params.name);
      if (file === undefined) return notThere();
      // Its name changes with its content.
      return answer(file, request, { 'Cache-Control': 'public, max-age=31536000, immutable' });
    },
    { detail: { hide: true } },
  );
}

const pageOperation: Operation = {
  tag: 'dashboard',
  summary: 'The dashboard, a page for people.',
  answers: { 200: { summary: 'HTML.', type: 'text/html' } },
};

function notThere(): Response {
  const error = { code: 'not_found', message: 'There is nothing at this path.' };
  return Response.json({ error }, { status: 404 });
}

function answer(file: File, request: Request, more: Record<string, string>): Response {
  const encoding = accepted(request.headers.get('accept-encoding') ?? '');
  const headers: Record<string, string> = { ...common, ...more, ETag: `"${file.tag}-${encoding}"` };
  if (isKnown(headers.ETag!, request)) return new Response(null, { status: 304, headers });
  headers['Content-Type'] = file.type;
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding;
  return new Response(file.bytes[encoding], { headers });
}

/** Whether the client has it already; a proxy may have made the tag a weak one. */
function isKnown(tag: string, { headers }: Request): boolean {
  const known = headers.get('if-none-match')?.split(',') ?? [];
  return known.some((one) => one.trim().replace(/^W\//, '') === tag);
}

/** The best that the client takes (RFC 9110, 12.5.3); weights but 0 do not matter. */
function accepted(header: string): Encoding {
  const refused = /;\s*q=0(?:\.0{0,3})?\s*$/;
  const names = header
    .split(',')
    .filter((one) => !refused.test(one))
    .map((one) => one.split(';')[0]!.trim().toLowerCase());
  return encodings.find((encoding) => names.includes(encoding)) ?? 'identity';
}
