import { expect, test } from 'bun:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { dashboardApp } from '../../src/dashboard/app.ts';
import type { BuiltPage, File } from '../../src/dashboard/assets.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const file = (name: string, type: string): File => ({
  type,
  tag: `tag-of-${name}`,
  bytes: { br: bytesOf(`${name} br`), gzip: bytesOf(`${name} gzip`), identity: bytesOf(name) },
});
const built: BuiltPage = {
  document: file('page', 'text/html; charset=utf-8'),
  files: new Map([['main-abc.js', file('script', 'text/javascript; charset=utf-8')]]),
};

/** An app, and for what paths its page was built. */
function made(get = async (_path: string) => built, pages = ['/', '/dashboard']) {
  const builds: string[] = [];
  const app = dashboardApp({ pages, files: '/static' }, (path) => {
    builds.push(path);
    return get(path);
  });
  const ask = (path: string, headers: Record<string, string> = {}) =>
    app.handle(new Request(`http://here${path}`, { headers }));
  return { ask, builds };
}

test.each([
  ['', 'page'],
  ['gzip', 'page gzip'],
  ['gzip, deflate, br, zstd', 'page br'],
  ['br;q=0.1, gzip;q=1', 'page br'],
  ['BR', 'page br'],
  ['br;q=0, gzip', 'page gzip'],
  ['br ; q=0.000, gzip;q=0', 'page'],
  ['brotli, gzi p, *', 'page'],
  [',,;q=,br;;', 'page br'],
])('who accepts "%s" gets %s', async (accepted, body) => {
  const { ask } = made();
  for (const path of ['/', '/dashboard?from=a']) {
    const answer = await ask(path, accepted === '' ? {} : { 'Accept-Encoding': accepted });
    expect(await answer.text()).toBe(body);
    const encoding = body.split(' ')[1] ?? null;
    expect(answer.headers.get('content-encoding')).toBe(encoding);
    expect(answer.headers.get('vary')).toBe('Accept-Encoding');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  }
});

test('the page is built when somebody first asks, once, and not before', async () => {
  const { ask, builds } = made();
  expect(builds).toEqual([]);
  await Promise.all([ask('/'), ask('/static/main-abc.js'), ask('/dashboard')]);
  await ask('/');
  expect(builds).toEqual(['/static']);
});

test('a page that could not be built is built again for the next who asks', async () => {
  let failures = 1;
  const { ask, builds } = made(async () => {
    if (failures-- > 0) throw new Error('no disk');
    return built;
  });
  expect((await ask('/')).status).toBe(500);
  expect((await ask('/')).status).toBe(200);
  expect(builds.length).toBe(2);
});

test('the document is asked for each time, and answered in a word if it is the same', async () => {
  const { ask } = made();
  const first = await ask('/', { 'Accept-Encoding': 'gzip' });
  expect(first.headers.get('cache-control')).toBe('no-cache');
  const tag = first.headers.get('etag')!;
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
    const again = await ask('/', { 'Accept-Encoding': 'gzip', 'If-None-Match': known });
    expect([known, again.status, await again.text()]).toEqual([known, 304, '']);
    expect(again.headers.get('etag')).toBe(tag);
    expect(again.headers.get('content-security-policy')).toContain("default-src 'none'");
  }
  // Another encoding is other bytes, and another build is another tag.
  for (const known of [tag.replace('gzip', 'br'), '"other-gzip"', '*x', '']) {
    const again = await ask('/', { 'Accept-Encoding': 'gzip', 'If-None-Match': known });
    expect([known, again.status]).toEqual([known, 200]);
  }
});

test('what it needs is kept for ever, for its name changes with it', async () => {
  const { ask } = made();
  const answer = await ask('/static/main-abc.js', { 'Accept-Encoding': 'br' });
  expect(await answer.text()).toBe('script br');
  expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

test.each([
  'main-abc.js.map',
  'main-abc',
  'constructor',
  '__proto__',
  '%2e%2e%2fpackage.json',
  '%',
])('there is nothing at /static/%s', async (name) => {
  const { ask } = made();
  const answer = await ask(`/static/${name}`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
});

test('the real page fits into 100 KB as it is sent, in either encoding, and unpacks to one text', async () => {
  const { buildPage } = await import('../../src/dashboard/build.ts');
  const { document, files } = await buildPage('/some/where');
  const all = [document, ...files.values()];
  expect(all.length).toBe(3);
  for (const encoding of ['br', 'gzip'] as const)
    expect(all.reduce((sum, { bytes }) => sum + bytes[encoding].length, 0)).toBeLessThan(102_400);
  for (const { bytes } of all) {
    const text = new TextDecoder().decode(bytes.identity);
    expect(brotliDecompressSync(bytes.br).toString()).toBe(text);
    expect(gunzipSync(bytes.gzip).toString()).toBe(text);
  }
  const html = new TextDecoder().decode(document.bytes.identity);
  const named = [...html.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map((match) => match[1]!);
  expect(named.toSorted()).toEqual(
    [...files.keys()].map((name) => `/some/where/${name}`).toSorted(),
  );
  expect(html).not.toMatch(/[{]\w+[}]|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
});
