import { afterEach, expect, test } from 'bun:test';
import { HttpClient, requestBytes } from '../support/http.ts';
import { Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { LiveClient } from '../support/sse.ts';

let server: Moonstead;
const guests: (() => void)[] = [];
afterEach(async () => {
  for (const leave of guests.splice(0)) leave();
  const code = await server.stop();
  expect([code, server.events.filter(({ level }) => level === 'error')]).toEqual([0, []]);
});

async function get(path: string, headers: Record<string, string> = {}): Promise<HttpClient> {
  return client(HttpClient.ask(server.port, { path, headers })).over();
}

function client(one: HttpClient): HttpClient {
  guests.push(() => one.destroy());
  return one;
}

async function live(path = '/live'): Promise<LiveClient> {
  const reader = await LiveClient.open(server.port, path);
  guests.push(() => reader.close());
  return reader;
}

async function figures(): Promise<any> {
  return (await get('/stats')).json.parts;
}

/** Ids as long as they may be: each that joins is an event of some 32 KiB. */
const fat = 'id_length_max = 4096\nsockets_per_address = 10000';
const longId = (at: number) => `${at}${'🌙'.repeat(4000)}`;

/** Mods join and leave until it is enough. */
async function pour(isEnough: (joined: number) => boolean | Promise<boolean>): Promise<void> {
  for (let joined = 0; !(await isEnough(joined)); joined += 10)
    await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        const mod = await RawClient.mod(server.port, {}, longId(joined + at), longId(at));
        mod.destroy();
      }),
    );
}

async function stillServes(): Promise<void> {
  const reader = await live('/live?topics=relay');
  const mod = await RawClient.mod(server.port, {}, 'well', 'well');
  await reader.next('a mod', ({ data }) => data.event === 'mod_joined');
  mod.destroy();
  expect((await get('/ping')).json.status).toBe('ok');
}

test('readers that stall are cut with their connections, others go on, and memory does not follow', async () => {
  server = await Moonstead.start({
    toml: `[server]\njournal_events = 100\n${fat}\n[api]\nlive_stall_timeout = "1s"`,
    scan: false,
  });
  const reader = await live('/live?topics=relay');
  const stalled = await Promise.all(Array.from({ length: 12 }, () => live()));
  for (const { http } of stalled) http.socket.pause();
  await pour((joined) => joined >= 100);
  const before = (await figures()).server.resident_memory_bytes;
  let poured = 0;
  await pour(async (joined) => {
    poured = joined;
    return (await figures()).status.live_readers === 1;
  });
  const after = (await figures()).server.resident_memory_bytes;
  // Had each kept what it did not take, it would be this much more, twelve times.
  expect(after / before).toBeLessThan(3);
  await until('all that was poured', () => {
    reader.take();
    return reader.journalled.filter(({ data }) => data.event === 'mod_joined').length >= poured;
  });
  expect(reader.http.ended).toBeFalse();
  const numbers = reader.journalled.map(({ id }) => Number(id!.split('-')[1]));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  for (const { http } of stalled) http.socket.resume();
  for (const { http } of stalled) {
    await until('the cut', () => http.ended, 20_000);
    expect(http.isWhole).toBeFalse();
  }
  await stillServes();
}, 60_000);

test('a reader that has stalled does not hold up a stop', async () => {
  server = await Moonstead.start({
    toml: `[server]\njournal_events = 1000\ndrain_timeout = "10m"\n${fat}`,
    scan: false,
  });
  const stalled = await live();
  stalled.http.socket.pause();
  await pour((joined) => joined >= 500);
  expect(await server.stop()).toBe(0);
}, 60_000);

test('a request that comes byte by byte is answered like any other', async () => {
  server = await Moonstead.start();
  for (const path of ['/logs?limit=1', '/api/live']) {
    const one = client(HttpClient.connect(server.port));
    await until('the connection', () => one.socket.readyState === 'open');
    for (const byte of requestBytes(server.port, { path })) {
      one.socket.write(new Uint8Array([byte]));
      await new Promise(setImmediate);
    }
    expect((await one.begun()).status).toBe(200);
  }
  await stillServes();
});

test('headers and paths without end are refused and harm nobody', async () => {
  server = await Moonstead.start();
  const long = 'a'.repeat(200_000);
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`X-${at}`, 'a']));
  const requests = [
    { path: '/stats', headers: { 'X-Long': long } },
    { path: '/live', headers: { 'Last-Event-ID': long } },
    { path: '/live', headers: many },
    { path: `/logs?part=${long}` },
    { path: `/${long}` },
  ];
  for (const { path, headers } of requests) {
    const { status, ended, text } = await get(path, headers as Record<string, string>);
    expect(status >= 400 || ended).toBeTrue();
    expect(text).not.toContain('/src/');
  }
  await until('nobody', async () => (await figures()).status.live_readers === 0);
  await stillServes();
});

const garbage = [
  '/live?topics=all',
  '/live?topics=session,',
  '/live?topics=,',
  '/live?topics=Session',
  '/live?topic=session',
  '/live?topics=session&limit=1',
  '/live?topics=%00',
  '/live?topics=%zz',
  '/live?__proto__=1',
  '/logs?__proto__=1',
  '/logs?constructor=1',
  '/logs?toString',
  '/logs?limit=0',
  '/logs?limit=-1',
  '/logs?limit=1001',
  '/logs?limit=1e2',
  '/logs?limit=0x10',
  '/logs?limit=',
  '/logs?limit=1.5',
  '/logs?limit=9999999999999999999999',
  '/logs?limit=1&limit=1',
  '/logs?limit[]=1',
  '/logs?cursor=',
  '/logs?cursor=-1',
  '/logs?cursor=A',
  '/logs?cursor=zzzzzzzzzzzzzzz',
  '/logs?level=fatal',
  '/logs?level=',
  '/logs?level=warn&level=info',
  '/logs?level=toString',
  '/logs?since=yesterday',
  '/logs?since=1700000000',
  '/logs?since=2026-13-01T00:00:00Z',
  '/logs?since=2026-01-01',
  '/logs?since=2026-01-01T00:00:00',
  '/logs?since=2026-01-01T00:00Z',
  '/logs?%zz=1',
  '/logs?=1',
];

test('a query of garbage is 400 in words', async () => {
  server = await Moonstead.start();
  for (const path of garbage.flatMap((one) => [one, `/api${one}`])) {
    const answer = await get(path);
    expect([path, answer.status, answer.json.error?.code]).toEqual([path, 400, 'bad_request']);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(Object.keys(answer.json.error)).toEqual(['code', 'message']);
  }
  expect((await figures()).status.live_readers).toBe(0);
});
