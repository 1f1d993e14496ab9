import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Documented, faultsOf, type Media, operationsOf } from '../status/documented.ts';
import { HttpClient } from '../support/http.ts';
import { Moonstead, program, temporaryFolder } from '../support/moonstead.ts';

const keys = '[[api.keys]]\nname = "ops"\nkey = "a-key-that-may-all"\nrole = "admin"\n';
const asAdmin = { 'X-API-Key': 'a-key-that-may-all' };

describe('on a real server', () => {
  let server: Moonstead;
  let operations: Map<string, Documented>;
  beforeAll(async () => {
    server = await Moonstead.start({ toml: keys });
    const answer = await fetch(`${server.http}/swagger/json`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/json;charset=utf-8',
    ]);
    operations = operationsOf(await answer.json());
  });
  afterAll(() => server.stop());

  test('what is documented is what is answered', async () => {
    for (const [name, { parameters = [], responses }] of operations) {
      const [method, path] = name.split(' ') as [string, string];
      const isStream = responses[200]?.content?.['text/event-stream'] !== undefined;
      if (method !== 'get' || parameters.some((one) => one.in === 'path') || isStream) continue;
      const answer = await fetch(server.http + path, { headers: asAdmin });
      expect([name, answer.status]).toEqual([name, 101 in responses ? 426 : 200]);
      const [[type, media] = ['', undefined]] = Object.entries(
        responses[answer.status]!.content ?? {},
      );
      expect([name, answer.headers.get('content-type')?.split(';')[0]]).toEqual([name, type]);
      if (type !== 'application/json') continue;
      expect([name, faultsOf(media!.schema, await answer.json())]).toEqual([name, '']);
    }
  });

  test('a body as in its example can be read, and one with a field of another type cannot', async () => {
    const post = (path: string, body: unknown) =>
      fetch(server.http + path, {
        method: 'POST',
        headers: { ...asAdmin, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const unreadable = [400, 413, 415, 422];
    for (const [name, { requestBody }] of operations) {
      if (requestBody === undefined) continue;
      const path = name.split(' ')[1]!;
      const { schema, example } = requestBody.content['application/json']!;
      const first = await post(path, example);
      expect([name, unreadable.includes(first.status)]).toEqual([name, false]);
      const { properties } = schema.anyOf?.[0] ?? schema;
      for (const [field, { type }] of Object.entries(
        properties as Record<string, Media['schema']>,
      )) {
        if (type === undefined) continue;
        const broken = await post(path, { ...(example as object), [field]: {} });
        expect([name, field, broken.status]).toEqual([name, field, 400]);
      }
    }
  });

  test('the page and its files have their types, may load nothing foreign, and are kept', async () => {
    const types = {
      '': 'text/html; charset=utf-8',
      '/swagger-ui.css': 'text/css; charset=utf-8',
      '/swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
      '/page.css': 'text/css; charset=utf-8',
      '/page.js': 'text/javascript; charset=utf-8',
      '/favicon.png': 'image/png',
    };
    for (const [file, type] of Object.entries(types)) {
      const url = `${server.http}/swagger${file}`;
      const plain = await fetch(url, { headers: { 'Accept-Encoding': 'identity' } });
      const { headers } = plain;
      expect([file, plain.status, headers.get('content-type')]).toEqual([file, 200, type]);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-disposition')).toBeNull();
      const policy = headers.get('content-security-policy')!;
      expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy).not.toContain('unsafe');
      const packed = await fetch(url, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(packed.headers.get('content-encoding')).toBe('gzip');
      expect(await packed.bytes()).toEqual(await plain.bytes());
      for (const { headers } of [plain, packed]) {
        const encoding = headers.get('content-encoding') ?? 'identity';
        const again = await fetch(url, {
          headers: {
            'Accept-Encoding': encoding,
            'If-None-Match': `"x", W/${headers.get('etag')}`,
          },
        });
        expect([file, again.status, await again.text()]).toEqual([file, 304, '']);
      }
    }
  });

  test('the page is found with a slash behind it, and below a proxy’s prefix', async () => {
    const answer = await fetch(`${server.http}/swagger/`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, '../swagger']);
    const html = await (await fetch(`${server.http}/swagger`)).text();
    const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]!);
    expect(links.filter((link) => !/^swagger\/[\w./-]+$/.test(link))).toEqual([]);
    for (const link of links) expect((await fetch(`${server.http}/${link}`)).status).toBe(200);
  });

  test.each([
    ...['/swagger/../package.json', '/swagger/..%2f..%2fpackage.json', '/swagger/%2e%2e/main.ts'],
    ...['/swagger/swagger-ui-bundle.js.map', '/swagger/swagger-ui.js', '/swagger/index.html'],
    ...['/swagger/%00', '/swagger/%ff', '/swagger//etc/passwd', '/-/document', '/swagger/json/x'],
    ...['/api/swagger', '/api/swagger/json', '/swagger/page.css/..%5c', '/swagger/*'],
  ])('there is nothing at %s', async (path) => {
    const answer = await HttpClient.ask(server.port, { path }).over();
    expect(answer.status).toBe(404);
    expect(answer.json.error.code).toBe('not_found');
  });
});

test('switched off there is neither page nor document', async () => {
  const server = await Moonstead.start({ toml: '[api]\nswagger = false\n' });
  try {
    for (const path of ['', '/', '/json', '/page.js', '/swagger-ui-bundle.js'])
      expect((await fetch(`${server.http}/swagger${path}`)).status).toBe(404);
    expect((await fetch(`${server.http}/ping`)).status).toBe(200);
  } finally {
    await server.stop();
  }
});

test('on listeners of their own only the status has it, and tells where the others are', async () => {
  const folder = temporaryFolder();
  const parts = ['GATEWAY_HTTP', 'MLS', 'AUTH', 'PLAYERS', 'API'];
  const ports = Object.fromEntries(parts.map((name) => [`MOONSTEAD_${name}_PORT`, '0']));
  const child = Bun.spawn([...program, 'start', '--data-dir', join(folder, 'data')], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...ports },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  try {
    let output = '';
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) {
      output += decoder.decode(bytes, { stream: true });
      if (output.includes('"event":"started"')) break;
    }
    const listening = [...output.matchAll(/^([a-z]+) (http:\S+)$/gm)];
    const urls = Object.fromEntries(listening.map(([, part, url]) => [part, url!]));
    expect(Object.keys(urls).length).toBe(5);
    for (const [part, url] of Object.entries(urls))
      expect([part, (await fetch(`${url}/swagger`)).status]).toEqual([
        part,
        part === 'status' ? 200 : 404,
      ]);
    const all = operationsOf(await (await fetch(`${urls.status}/swagger/json`)).json());
    const serversOf = (name: string) => all.get(name)!.servers?.map(({ url }) => url);
    expect(serversOf('get /sync')).toEqual([urls.relay!]);
    expect(serversOf('get /player')).toEqual([urls.players!]);
    expect(serversOf('get /stats')).toEqual([urls.status!, `${urls.tasks}/api`]);
  } finally {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  }
});
