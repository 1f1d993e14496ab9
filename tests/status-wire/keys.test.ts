import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { HttpClient, type Request } from '../support/http.ts';
import { Moonstead } from '../support/moonstead.ts';

const keys = { read: 'a-key-that-may-read', admin: 'a-key-that-may-act' };
const apiKeys = `
[[api.keys]]
name = "bot"
key = "${keys.read}"
role = "read"
[[api.keys]]
name = "operator"
key = "${keys.admin}"
role = "admin"
`;
/** Where the examples of the documents are refused. */
const fresh = {
  mls: { tokens: ['a-fresh-token-of-workers'] },
  env: { MOONSTEAD_GATEWAY_WEBSOCKET: 'a-fresh-key-of-mods' },
};

const own = ['/stats', '/logs', '/events/recent', '/metrics', '/uptime', '/version', '/ping'];
const paths = [...own, '/live'].flatMap((path) => [path, `/api${path}`]);

/** The status a path answers with; the body of a stream is not waited for. */
async function ask(port: number, path: string, headers: Request['headers'] = {}, method = 'GET') {
  const client = HttpClient.ask(port, { path, headers, method });
  await client.begun();
  if (client.status !== 200) await client.over();
  client.destroy();
  return client;
}

async function statuses(port: number, headers: Request['headers'] = {}, some = paths) {
  const all = await Promise.all(some.map((path) => ask(port, path, headers)));
  return [...new Set(all.map(({ status }) => status))];
}

const shown = (key: string) => [{ 'X-API-Key': key }, { Authorization: `Bearer ${key}` }];
const forwarding = [
  { 'X-Forwarded-For': '127.0.0.1' },
  { Forwarded: 'for=127.0.0.1' },
  { 'X-Real-IP': '127.0.0.1' },
  { 'X-Forwarded-Proto': 'https' },
  { 'X-Forwarded-Host': 'localhost' },
  { Via: '1.1 proxy' },
];

/** What needs a key of that kind, as the server itself describes it. */
async function described(port: number, needs: 'read' | 'admin') {
  const document = await HttpClient.ask(port, { path: '/swagger/json' }).over();
  return Object.entries(document.json.paths as object).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, any>)
      .filter(([, { security }]) => JSON.stringify(security ?? '').includes(`"${needs}`))
      .map(([method]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, 'nobody'),
      })),
  );
}

const actions = (port: number) => described(port, 'admin');

describe('with keys', () => {
  let server: Moonstead;
  beforeAll(async () => {
    server = await Moonstead.start({ toml: apiKeys });
  });
  afterAll(() => server.stop());

  test('everything that reads needs one, of either role, in either header', async () => {
    expect(await statuses(server.port)).toEqual([401]);
    for (const key of Object.values(keys))
      for (const headers of shown(key)) {
        expect(await statuses(server.port, headers)).toEqual([200]);
        expect(await statuses(server.port, { ...headers, ...forwarding[0] })).toEqual([200]);
      }
  });

  test('so does all that is described as such, whichever part it is of', async () => {
    const read = (await described(server.port, 'read')).map(({ path }) => path);
    expect(read).toContain('/stats');
    expect(await statuses(server.port, {}, read)).toEqual([401]);
    expect(await statuses(server.port, { 'X-API-Key': 'wrong' }, read)).toEqual([401]);
    expect(await statuses(server.port, shown(keys.read)[0], read)).toEqual([200]);
  });

  test('a key in the URL, in part, or in another case or scheme is none', async () => {
    for (const name of ['api_key', 'key', 'access_token'])
      for (const path of ['/stats', '/api/logs', '/live'])
        expect((await ask(server.port, `${path}?${name}=${keys.read}`)).status).toBe(401);
    const others = [
      ...[keys.read.slice(1), `${keys.read}x`, keys.read.toUpperCase(), 'gateway'].flatMap(shown),
      { Authorization: `Basic ${keys.read}` },
      { Authorization: keys.read },
      { Cookie: `X-API-Key=${keys.read}` },
      { 'X-API-Key': '' },
    ];
    for (const headers of others)
      expect([headers, ...(await statuses(server.port, headers))]).toEqual([headers, 401]);
  });

  test('a refusal says how to show a key, and nothing of those that there are', async () => {
    for (const headers of [{}, { 'X-API-Key': 'wrong' }]) {
      const answer = await ask(server.port, '/stats', headers);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.json.error.code).toBe('unauthorized');
      expect(Object.keys(answer.json)).toEqual(['error']);
      expect(answer.text).not.toMatch(/bot|operator/);
    }
  });

  test('health and readiness need none, and a wrong one does not matter there', async () => {
    for (const headers of [{}, { 'X-API-Key': 'wrong' }])
      expect(await statuses(server.port, headers, ['/health', '/ready'])).toEqual([200]);
  });

  test('what operators do needs the role admin', async () => {
    for (const { method, path } of await actions(server.port)) {
      const status = async (headers: object) =>
        (await ask(server.port, path, { ...headers }, method)).status;
      expect([path, await status({})]).toEqual([path, 401]);
      for (const headers of shown('wrong'))
        expect([path, await status(headers)]).toEqual([path, 401]);
      for (const headers of shown(keys.read))
        expect([path, await status(headers)]).toEqual([path, 403]);
      for (const headers of shown(keys.admin))
        expect([path, [200, 404, 415].includes(await status(headers))]).toEqual([path, true]);
      expect((await ask(server.port, `/api${path}`, shown(keys.admin)[0], method)).status).toBe(
        404,
      );
    }
  });
});

describe('without keys', () => {
  let server: Moonstead | undefined;
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  test('on loopback everybody there may read, whatever key it shows; who came by way of a proxy may not', async () => {
    server = await Moonstead.start();
    const { port } = server;
    expect(await statuses(port)).toEqual([200]);
    for (const headers of forwarding)
      expect([headers, ...(await statuses(port, headers))]).toEqual([headers, 401]);
    for (const headers of shown('some-key')) {
      expect(await statuses(port, headers)).toEqual([200]);
      for (const more of forwarding)
        expect([more, ...(await statuses(port, { ...headers, ...more }))]).toEqual([more, 401]);
    }
    for (const { method, path } of await actions(port))
      for (const headers of [{}, ...shown('some-key')])
        expect([path, (await ask(port, path, headers, method)).status]).toEqual([path, 401]);
  });

  test('with trusted proxies nobody may read, for all come from loopback then', async () => {
    server = await Moonstead.start({
      ...fresh,
      toml: '[server]\ntrusted_proxies = ["127.0.0.1"]',
    });
    expect(await statuses(server.port)).toEqual([401]);
    expect(await statuses(server.port, forwarding[0])).toEqual([401]);
    expect(await statuses(server.port, {}, ['/health', '/ready'])).toEqual([200]);
  });

  test('a listener that others can reach is closed, also to this machine', async () => {
    server = await Moonstead.start({ ...fresh, args: ['--host', '0.0.0.0'] });
    expect(await statuses(server.port)).toEqual([401]);
  });

  test('each listener by itself: the status open to others, the tasks on loopback, and the other way round', async () => {
    const cases: { env: Record<string, string>; here: number; onTasks: number }[] = [
      { env: { MOONSTEAD_API_HOST: '0.0.0.0' }, here: 401, onTasks: 200 },
      { env: { MOONSTEAD_MLS_HOST: '0.0.0.0' }, here: 200, onTasks: 401 },
    ];
    for (const { env, here, onTasks } of cases) {
      server = await Moonstead.start({ ...fresh, env: { ...fresh.env, ...env } });
      const portOf = (part: string) =>
        Number(
          new RegExp(`^[a-z ]*\\b${part}\\b[a-z ]* http.*:(\\d+)$`, 'm').exec(server!.output)![1],
        );
      const [status, tasks] = [portOf('status'), portOf('tasks')];
      expect(await statuses(status, {}, own)).toEqual([here]);
      expect(
        await statuses(
          tasks,
          {},
          own.map((path) => `/api${path}`),
        ),
      ).toEqual([onTasks]);
      expect(await statuses(status, {}, ['/api/stats', '/api/live'])).toEqual([404]);
      expect(await statuses(tasks, {}, ['/stats', '/live', '/metrics'])).toEqual([404]);
      await server.stop();
    }
  });

  test('public opens what reads to everybody, but not to wrong keys, and nothing that acts', async () => {
    server = await Moonstead.start({
      ...fresh,
      args: ['--host', '0.0.0.0'],
      toml: `[server]\ntrusted_proxies = ["127.0.0.1"]\n[api]\npublic = true\n${apiKeys}`,
    });
    const { port } = server;
    for (const headers of [{}, ...forwarding, ...shown(keys.read)])
      expect([headers, ...(await statuses(port, headers))]).toEqual([headers, 200]);
    for (const headers of shown('wrong')) expect(await statuses(port, headers)).toEqual([401]);
    for (const { method, path } of await actions(port))
      expect([path, (await ask(port, path, {}, method)).status]).toEqual([path, 401]);
  });
});
