import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { Elysia } from 'elysia';
import favicon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' };
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' };
import styles from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' };
import { operation } from '../openapi.ts';
import { docsCss, docsHtml, docsScript } from './docs-page.ts';
import { type Listener, type Mounted, placesOf, serversOf, urlsFor } from './docs-places.ts';
import { completed, type Document, withServers } from './document.ts';
import { documentOperation, swaggerOperation } from './operations.ts';

export interface DocsPorts {
  version: string;
  /** The listener of the document. */
  own: Listener;
  /** All apps of the server; of two with one route the later is described. */
  mounted(): readonly (Mounted & { app: Elysia })[];
}

/** Nothing but files of ours and requests to ourselves; Swagger UI has images of its own in its styles. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/swagger`, its files, and the document. All of it is made when it is asked for first. */
export function docsApp(ports: DocsPorts) {
  const document = once(() => documentOf(ports));
  const files = {
    'swagger-ui.css': file(() => Bun.file(styles).bytes(), 'text/css; charset=utf-8'),
    'swagger-ui-bundle.js': file(() => Bun.file(bundle).bytes(), 'text/javascript; charset=utf-8'),
    'favicon.png': file(() => Bun.file(favicon).bytes(), 'image/png'),
    'page.css': file(() => encoded(docsCss), 'text/css; charset=utf-8'),
    'page.js': file(() => encoded(docsScript), 'text/javascript; charset=utf-8'),
  };
  const page = file(() => encoded(docsHtml), 'text/html; charset=utf-8');
  const app = new Elysia({ name: 'status docs' })
    .get(
      '/swagger',
      // Its links are relative, so that they hold behind a proxy's prefix: the slash would break them.
      ({ request }) =>
        /^[^?#]*\/(?:[?#]|$)/.test(request.url)
          ? new Response(null, { status: 308, headers: { Location: '../swagger' } })
          : page(request),
      operation(swaggerOperation),
    )
    .get(
      '/swagger/json',
      async ({ request }) => {
        const { made, places } = await document();
        const urlOf = urlsFor(request.headers.get('host'), ports.own);
        const serversAt = (place: Parameters<typeof serversOf>[0]) =>
          serversOf(place, ports.own, urlOf);
        const [own] = serversAt([{ prefix: '', on: [ports.own] }]);
        const placed = withServers(made, own!, (name) => serversAt(places.of.get(name)!));
        return Response.json(placed, { headers: { ...harmless, 'Cache-Control': 'no-store' } });
      },
      operation(documentOperation),
    );
  for (const [name, answer] of Object.entries(files))
    app.get(`/swagger/${name}`, ({ request }) => answer(request), { detail: { hide: true } });
  return app;
}

type Bytes = Uint8Array<ArrayBuffer>;

const harmless = { 'X-Content-Type-Options': 'nosniff' };

/** Answers with a file, compressed for who can read that; 304 to who has it. */
function file(read: () => Bytes | Promise<Bytes>, type: string) {
  const kept = once(async () => {
    const bytes = await read();
    // Not at once, for the megabytes of a script would stall everything else here.
    const packed: Bytes = new Uint8Array(await promisify(gzip)(bytes));
    return { bytes, packed, tag: Bun.hash(bytes).toString(36) };
  });
  return async ({ headers }: Request): Promise<Response> => {
    const { bytes, packed, tag } = await kept();
    const isPacked = /\bgzip\b(?!;\s*q=0(?:\.0*)?(?:,|$))/.test(
      headers.get('accept-encoding') ?? '',
    );
    const etag = isPacked ? `"${tag}-gzip"` : `"${tag}"`;
    const about = {
      ...harmless,
      'Content-Security-Policy': pagePolicy,
      'Referrer-Policy': 'no-referrer',
      // Another version of the server has others under the same name.
      'Cache-Control': 'no-cache',
      ETag: etag,
      Vary: 'Accept-Encoding',
    };
    const known = headers.get('if-none-match')?.split(',') ?? [];
    if (known.some((one) => one.trim().replace(/^W\//, '') === etag))
      return new Response(null, { status: 304, headers: about });
    return new Response(isPacked ? packed : bytes, {
      headers: { ...about, 'Content-Type': type, ...(isPacked && { 'Content-Encoding': 'gzip' }) },
    });
  };
}

const encoded = (text: string): Bytes => new TextEncoder().encode(text);

/** Makes it when it is asked for first, and then no more; unless that failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

const madeAt = '/-/document';

async function documentOf({ version, mounted }: DocsPorts) {
  // Nobody may ever ask for it, so who starts does not wait for it.
  const { swagger } = await import('@elysiajs/swagger');
  const options = { path: '/-/page', specPath: madeAt, excludeStaticFile: false };
  // It answers one request, so its routes are not worth compiling: that would hold up all else here.
  const all = new Elysia({ aot: false }).use(swagger(options));
  const apps = mounted();
  for (const { app, prefix } of apps) if (prefix === '') all.use(app);
  const answer = await all.handle(new Request(`http://localhost${madeAt}`));
  const places = placesOf(apps);
  const made = (await answer.json()) as Document;
  return { made: completed(made, { version, notes: places.notes }), places };
}
