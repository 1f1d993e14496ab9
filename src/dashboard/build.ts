import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { BuiltPage, File } from './assets.ts';

/** Made from `page/`, for files that will be under this path. Other work goes on meanwhile. */
export async function buildPage(filesPath: string): Promise<BuiltPage> {
  const folder = join(import.meta.dir, 'page');
  const built = await Bun.build({
    entrypoints: [join(folder, 'main.tsx'), join(folder, 'style.css')],
    target: 'browser',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    naming: '[name]-[hash].[ext]',
  });
  const files = new Map<string, File>();
  let document = readFileSync(join(folder, 'index.html'), 'utf8');
  for (const output of built.outputs) {
    const name = output.path.replace(/^.*\//, '');
    const [kind, type] = name.endsWith('.css') ? ['style', 'css'] : ['script', 'javascript'];
    files.set(name, await file(await output.text(), `text/${type}`));
    document = document.replace(`{${kind}}`, () => `${filesPath}/${name}`);
  }
  return { document: await file(document, 'text/html'), files };
}

async function file(text: string, type: string): Promise<File> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const [br, zip] = await Promise.all([
    promisify(brotliCompress)(text, { params }),
    promisify(gzip)(text, { level: 9 }),
  ]);
  return {
    type: `${type}; charset=utf-8`,
    tag: Bun.hash(text).toString(36),
    bytes: {
      br: new Uint8Array(br),
      gzip: new Uint8Array(zip),
      identity: new TextEncoder().encode(text),
    },
  };
}
