import { afterEach, expect, test } from 'bun:test';
import { gunzipSync } from 'node:zlib';
import { Moonstead, type Options, until } from '../support/moonstead.ts';
import { HttpClient, type Request } from '../support/http.ts';
import { RelayClient } from '../support/relay-client.ts';

let server: Moonstead;
const start = async (options: Options = {}) => {
  server = await Moonstead.start(options);
};
afterEach(() => server.stop());

const ask = (path: string, request: Request = {}) =>
  HttpClient.ask(server.port, { ...request, path }).over();

/** Addresses of what a document needs. */
const namedIn = (html: string) =>
  [...html.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map((match) => match[1]!);

test('the page and what it needs are there, and may load nothing from elsewhere', async () => {
  await start();
  for (const path of ['/', '/dashboard', '/?from=a']) {
    const { status, headers, text } = await ask(path);
    expect([path, status, headers['content-type']]).toEqual([
      path,
      200,
      'text/html; charset=utf-8',
    ]);
    const policy = headers['content-security-policy']!.split('; ');
    expect(policy[0]).toBe("default-src 'none'");
    expect(policy.filter((one) => /unsafe|https?:|\*|blob:|ws:/.test(one))).toEqual([]);
    expect(policy.filter((one) => /data:/.test(one))).toEqual(["img-src 'self' data:"]);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
    const needed = namedIn(text);
    expect(needed.length).toBe(2);
    for (const one of needed) {
      const answer = await ask(one, { headers: { 'Accept-Encoding': 'gzip' } });
      expect([one, answer.status, answer.headers['content-encoding']]).toEqual([one, 200, 'gzip']);
      expect(gunzipSync(answer.bytes).length).toBeGreaterThan(answer.size);
      const head = await ask(one, { method: 'HEAD' });
      expect([one, head.status, head.text]).toEqual([one, 200, '']);
    }
  }
});

test('a page that is known is not sent again, whoever asks', async () => {
  await start();
  const { headers } = await ask('/');
  const again = await ask('/', { headers: { 'If-None-Match': headers.etag } });
  expect([again.status, again.text, again.headers.etag]).toEqual([304, '', headers.etag]);
});

test('everything is where mls.json says, and nowhere else', async () => {
  const html = { static_path: '/files/of-it', index_path: '/home', dashboard_path: '/admin/board' };
  await start({ mls: { tokens: ['of-its-own'], html } });
  for (const path of ['/home', '/admin/board']) {
    const needed = namedIn((await ask(path)).text);
    expect(needed.length).toBe(2);
    for (const one of needed) {
      expect(one).toStartWith('/files/of-it/');
      expect([one, (await ask(one)).status]).toEqual([one, 200]);
    }
  }
  for (const path of [
    '/',
    '/dashboard',
    '/static',
    '/files',
    '/files/of-it',
    '/admin',
    '/home/board',
  ])
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
});

test('with html.enabled false there is no page, and nothing that it would need', async () => {
  await start({ mls: { tokens: ['of-its-own'], html: { enabled: false } } });
  for (const path of ['/', '/dashboard', '/static/main.js', '/static/'])
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
  expect((await ask('/api/stats')).status).toBe(200);
});

const garbage = [
  ...['/static', '/static/', '/static//', '/static/a/b', '/static/main.js', '/static/style.css'],
  ...['/static/../package.json', '/static/..%2f..%2fpackage.json', '/static/%2e%2e/main.ts'],
  ...['/static/%00', '/static/%ff', '/static/%', '/static/constructor', '/static/__proto__'],
  ...['/static/page/main.tsx', `/static/${'a'.repeat(4000)}`, '/dashboard/../x', '/dashboard/x'],
];
test('garbage paths are nowhere, and tell nothing', async () => {
  await start();
  for (const path of garbage) {
    const { status, text } = await ask(path);
    expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    expect(text).not.toMatch(/import|node_modules|at \w+ \(/);
  }
  expect(server.events.filter(({ level }) => level === 'error')).toEqual([]);
});

test('the last 15 minutes are there for who may read, on both listeners, and nobody keeps them', async () => {
  const key = 'a-key-that-may-read';
  await start({ toml: `[[api.keys]]\nname = "reader"\nkey = "${key}"\nrole = "read"\n` });
  for (const path of ['/stats/history', '/api/stats/history']) {
    expect([path, (await ask(path)).status]).toEqual([path, 401]);
    const answer = await ask(path, { headers: { 'X-API-Key': key } });
    expect([path, answer.status, answer.headers['cache-control']]).toEqual([path, 200, 'no-store']);
    expect(answer.json).toEqual({
      interval_seconds: 5,
      until: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      series: expect.any(Object),
    });
  }
  // The page itself needs no key: it asks for one.
  expect((await ask('/')).status).toBe(200);
});

test('what happens is in the lines', async () => {
  await start();
  const mod = await RelayClient.mod(server.sync());
  const series = await until('a point of the lines', async () => {
    const answer = (await ask('/api/stats/history')).json;
    return 'server.resident_memory_bytes' in answer.series ? answer.series : undefined;
  });
  expect(series['relay.mods'].at(-1)).toBe(1);
  expect(series['relay.bot_connected']).toBeUndefined();
  await mod.close();
});
