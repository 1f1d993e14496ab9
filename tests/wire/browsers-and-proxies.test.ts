import { afterEach, describe, expect, test } from 'bun:test';
import { Visitors } from '../support/hostile.ts';
import { Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { modMessage } from '../support/relay-client.ts';

const key = 'a-key-of-our-own';

let server: Moonstead;
const visitors = new Visitors();

async function start(settings = '', gateway = ''): Promise<void> {
  server = await Moonstead.start({
    toml: `[server]\n${settings}\n[gateway]\nwebsocket = "${key}"\n${gateway}`,
    env: { MOONSTEAD_MLS_TOKENS: '["a-token-of-our-own"]' },
  });
}

afterEach(async () => {
  visitors.leave();
  await server.stop();
});

type Headers = Record<string, string | undefined>;

/** Asks for an upgrade of `/sync`. */
async function upgrade(headers: Headers = {}, options = {}): Promise<RawClient> {
  return visitors.add(RawClient.ask(server.port, { key, headers, ...options }));
}

/** Any other request; its whole answer. */
async function request(line: string, headers: Headers = {}): Promise<RawClient> {
  const client = await visitors.add(RawClient.connect(server.port));
  const all: Headers = { Host: `127.0.0.1:${server.port}`, Connection: 'close', ...headers };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  client.write(
    `${line} HTTP/1.1\r\n${lines.map(([name, is]) => `${name}: ${is}\r\n`).join('')}\r\n`,
  );
  await client.end();
  return client;
}

/** The JSON of a refusal, which must be one of ours, with no word for other origins. */
async function refusal(client: RawClient): Promise<Record<string, unknown>> {
  await until('the body', () => client.ended || client.body.endsWith('}'));
  expect(client.head).toMatch(/^content-type: application\/json/im);
  expect(client.head).not.toMatch(/^access-control/im);
  const body = JSON.parse(client.body);
  expect(body).toEqual({ message: expect.any(String), code: client.status });
  return body;
}

const foreignOrigin = {
  message: 'Pages of this Origin may not do that (server.allowed_origins).',
  code: 403,
};
const foreignHost = { message: 'This Host is not served here (server.allowed_hosts).', code: 403 };

describe('Origin', () => {
  test('a foreign one may neither upgrade nor POST', async () => {
    await start();
    for (const Origin of [
      'https://evil.example',
      'http://127.0.0.1',
      'http://127.0.0.1:1',
      'http://localhost.evil.example',
      'null',
      '',
      'file://',
    ]) {
      expect([Origin, await refusal(await upgrade({ Origin }))]).toEqual([Origin, foreignOrigin]);
      for (const path of ['/sync', '/health', '/nowhere']) {
        const refused = await refusal(await request(`POST ${path}`, { Origin }));
        expect([Origin, refused]).toEqual([Origin, foreignOrigin]);
      }
    }
  });

  test('the own origin, no origin and allowed ones may do both', async () => {
    await start('allowed_origins = ["https://chat.example"]');
    const own = `http://127.0.0.1:${server.port}`;
    for (const Origin of [own, undefined, 'https://chat.example', 'HTTPS://CHAT.EXAMPLE']) {
      expect((await upgrade({ Origin })).status).toBe(101);
      expect((await request('POST /nowhere', { Origin })).status).toBe(404);
    }
    for (const Origin of ['http://chat.example', 'https://chat.example.evil.example'])
      expect(await refusal(await upgrade({ Origin }))).toEqual(foreignOrigin);
  });

  test('another one may read, but is not told so by a CORS header', async () => {
    await start();
    const headers = { Origin: 'https://evil.example' };
    for (const path of ['/health', '/ready', '/sync', '/nowhere']) {
      const { status, head } = await request(`GET ${path}`, headers);
      expect(status).not.toBe(403);
      expect(head).not.toMatch(/^access-control/im);
    }
    const asked = { ...headers, 'Access-Control-Request-Method': 'POST' };
    expect(await refusal(await request('OPTIONS /sync', asked))).toEqual(foreignOrigin);
  });
});

describe('Host on loopback', () => {
  test('loopback names and allowed hosts are answered', async () => {
    await start('allowed_hosts = ["relay.example"]');
    for (const Host of ['localhost', 'LOCALHOST:80', '127.9.9.9', '[::1]:3333', 'relay.example']) {
      expect((await upgrade({ Host })).status).toBe(101);
      expect((await request('GET /health', { Host })).body).toBe('{"status":"healthy"}');
    }
  });

  test('any other is refused for every request', async () => {
    await start();
    for (const Host of [
      'evil.example',
      '10.0.0.1',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      const clients = [await upgrade({ Host }), await upgrade({ Host, Origin: `http://${Host}` })];
      for (const line of ['GET /health', 'GET /ready', 'GET /nowhere', 'POST /sync'])
        clients.push(await request(line, { Host }));
      for (const client of clients)
        expect([Host, await refusal(client)]).toEqual([Host, foreignHost]);
    }
  });
});

describe('proxies', () => {
  const from = (address: string): Headers => ({ 'X-Forwarded-For': address });

  async function statuses(all: Headers[]): Promise<(number | undefined)[]> {
    const got = [];
    for (const headers of all) got.push((await upgrade(headers)).status);
    return got;
  }

  test('with trusted_proxies, sockets are counted by the address they forward', async () => {
    await start('trusted_proxies = ["127.0.0.1"]\nsockets_per_address = 2');
    const one = from('203.0.113.1');
    expect(await statuses([one, one, one])).toEqual([101, 101, 429]);
    expect(await statuses([{ Forwarded: 'for=203.0.113.1' }, from('203.0.113.2')])).toEqual([
      429, 101,
    ]);
    // Whatever a client wrote before the proxy did stands to the left.
    expect(await statuses([from('198.51.100.7, 203.0.113.1')])).toEqual([429]);
    expect(await statuses([{}, {}, {}])).toEqual([101, 101, 429]);
    const addresses = server.events.filter(({ event }) => event === 'socket_refused');
    expect(addresses.map(({ address }) => address)).toEqual([
      ...Array(3).fill('203.0.113.1'),
      '127.0.0.1',
    ]);
  });

  test.each(['', 'trusted_proxies = ["10.0.0.0/8"]'])(
    'from a peer that is no trusted proxy (%p), the headers count for nothing',
    async (trusted) => {
      await start(`${trusted}\nsockets_per_address = 2`);
      expect(
        await statuses([
          from('203.0.113.1'),
          { Forwarded: 'for=203.0.113.2' },
          from('203.0.113.3'),
        ]),
      ).toEqual([101, 101, 429]);
    },
  );

  test('a refused key is logged with the forwarded address, and without the key', async () => {
    await start('trusted_proxies = ["127.0.0.1"]');
    const refused = await upgrade(from('203.0.113.9'), { key: 'guessed-wrong' });
    expect((await refusal(refused)).code).toBe(401);
    const logged = await until('the line', () =>
      server.events.find(({ event }) => event === 'key_refused'),
    );
    expect(logged.address).toBe('203.0.113.9');
    expect(server.output).not.toContain('guessed-wrong');
  });

  test('the example key beside trusted_proxies is no start', async () => {
    await start();
    const toml = '[server]\ntrusted_proxies = ["127.0.0.1"]';
    await expect(Moonstead.start({ toml })).rejects.toThrow(/gateway\.websocket.*init/s);
  });
});

describe('every refusal before the upgrade is JSON', () => {
  test('by the key, the kind of request and the bounds', async () => {
    await start('sockets_per_address = 1');
    const none = { 'X-API-Key': undefined };
    const badKey = { message: 'Invalid or missing API key.', code: 401 };
    for (const [headers, path] of [
      [none, '/sync'],
      [none, '/sync?api_key='],
      [none, '/sync?api_key=wrong'],
      [{ 'X-API-Key': `${key} x` }, '/sync'],
      [{ ...none, Authorization: `Basic ${key}` }, '/sync'],
    ] as [Headers, string][])
      expect(await refusal(await upgrade(headers, { path }))).toEqual(badKey);
    expect(await refusal(await request('GET /sync', { 'X-API-Key': key }))).toMatchObject({
      code: 426,
    });
    expect(await refusal(await upgrade({ 'Sec-WebSocket-Key': 'x' }))).toMatchObject({ code: 400 });
    expect((await upgrade()).status).toBe(101);
    expect(await refusal(await upgrade())).toMatchObject({ code: 429 });
  });

  test('while the server stops', async () => {
    await start();
    const bot = await visitors.add(RawClient.bot(server.port, { key, pongs: false }));
    const mod = await visitors.add(RawClient.mod(server.port, { key }));
    mod.say(modMessage('m1'));
    await bot.next(({ msg_id: id }) => id === 'm1');
    // It waits up to a second for the bot's receipt: meanwhile somebody knocks.
    server.signal('SIGTERM');
    await until('the signal', () => server.events.some(({ event }) => event === 'signal'));
    expect(await refusal(await upgrade())).toEqual({
      message: 'The server is stopping.',
      code: 503,
    });
    expect((await request('GET /ready')).status).toBe(503);
    expect(await server.stop()).toBe(0);
  });
});
