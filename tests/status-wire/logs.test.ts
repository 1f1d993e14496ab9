import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { LiveClient } from '../support/sse.ts';

const names = { level: ['debug', 'info', 'warn', 'error'], kept: 150 };
let server: Moonstead;

async function page(query = '', path = '/logs'): Promise<{ items: any[]; next: string | null }> {
  const answer = await fetch(`${server.http}${path}${query}`);
  expect([query, answer.status]).toEqual([query, 200]);
  return answer.json() as any;
}

/** All pages, one after the other. */
async function all(query = '?'): Promise<any[]> {
  const items: any[] = [];
  for (let cursor = ''; ;) {
    const got = await page(`${query}${cursor}`);
    items.push(...got.items);
    if (got.next === null) return items;
    cursor = `&cursor=${got.next}`;
  }
}

const post = (userId: string) =>
  fetch(`${server.http}/auth`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ type: 'auth', userId }),
  });

const withoutIds = (items: any[]) => items.map(({ event_id: _, ...event }) => event);
const numberOf = ({ event_id: id }: any) => Number(/^[0-9a-z]+-(\d+)$/.exec(id)![1]);

beforeAll(async () => {
  const toml = `[server]\nlog_level = "debug"\njournal_events = ${names.kept}\n`;
  server = await Moonstead.start({ toml });
  for (let i = 0; i < names.kept; i++) await post(`user-${i}`);
  for (let i = 0; i < 10; i++) (await RawClient.mod(server.port, {}, `mod-${i}`)).destroy();
  for (let i = 0; i < 5; i++) await fetch(`${server.http}/stats?i=${i}`, { headers: wrong });
  const left = () => server.events.filter(({ event }) => event === 'mod_left').length;
  await until('the last event', () => left() === 10);
});
afterAll(async () => {
  await server.stop();
});

/** Refused although there are no keys, for it seems to come by way of a proxy. */
const wrong = { 'X-API-Key': 'no-such-key', 'X-Forwarded-For': '192.0.2.7' };

test('the log is the output line by line, the newest first, as much of it as the journal keeps', async () => {
  const events = await all('?limit=1000');
  await until('the output', () => server.events.length >= numberOf(events[0]));
  expect(events.length).toBe(names.kept);
  expect(server.events.length).toBeGreaterThan(names.kept);
  expect(withoutIds(events)).toEqual(server.events.toReversed().slice(0, names.kept));
  const numbers = events.map(numberOf);
  expect(numbers).toEqual(numbers.map((_, at) => server.events.length - at));
});

test('what an event is about keeps its id beside that of the event', async () => {
  const { items } = await page('?part=relay&limit=1');
  expect(items[0]).toMatchObject({ event: 'mod_left', id: expect.stringMatching(/^mod-\d$/) });
  expect(numberOf(items[0])).toBeGreaterThan(0);
});

test('the list that bots of today read is the same, and so are those of the tasks listener', async () => {
  const paths = ['/events/recent', '/api/logs', '/api/events/recent'];
  for (const path of paths) expect(await page('?limit=20', path)).toEqual(await page('?limit=20'));
});

test.each([1, 7, 50, 150])('pages of %i hold every event once, in order', async (limit) => {
  expect(await all(`?limit=${limit}`)).toEqual(await all('?limit=1000'));
});

test('a page holds 100 events unless told', async () => {
  const { items, next } = await page();
  expect([items.length, typeof next]).toEqual([100, 'string']);
});

test('a cursor stays good while more is logged', async () => {
  const first = await page('?limit=10');
  await post('one-more');
  const second = await page(`?limit=10&cursor=${first.next}`);
  expect(numberOf(second.items[0])).toBe(numberOf(first.items.at(-1)) - 1);
});

test('a cursor to what the journal has dropped leads to an empty page', async () => {
  for (const cursor of ['1', '2', '0'])
    expect(await page(`?cursor=${cursor}`)).toEqual({ items: [], next: null });
});

test('filters choose: a level and those above, a part, a time, and all together', async () => {
  const everything = await all('?limit=1000');
  for (const [at, level] of names.level.entries()) {
    const wanted = everything.filter((one) => names.level.indexOf(one.level) >= at);
    expect(await all(`?limit=3&level=${level}`)).toEqual(wanted);
  }
  expect((await all('?level=warn')).length).toBeGreaterThanOrEqual(5);
  for (const part of ['relay', 'sessions', 'status', 'nobody'])
    expect(await all(`?limit=4&part=${part}`)).toEqual(
      everything.filter((one) => one.part === part),
    );
  const { time } = everything[20];
  expect(await all(`?limit=6&since=${time}`)).toEqual(everything.filter((one) => one.time >= time));
  const later = new Date(Date.parse(time) + 3_600_000).toISOString().replace('Z', '%2B01:00');
  expect(await all(`?since=${later}`)).toEqual(everything.filter((one) => one.time >= time));
  expect(await all('?since=2999-01-01T00:00:00Z')).toEqual([]);
  expect(await all('?level=warn&part=status&limit=2')).toEqual(
    everything.filter((one) => one.level === 'warn' && one.part === 'status'),
  );
});

test('warnings that strangers cause are few each second; one event says so, the next how many', async () => {
  for (;;) {
    await Promise.all(
      Array.from({ length: 100 }, () => fetch(`${server.http}/stats`, { headers: wrong })),
    );
    const got = await all('?limit=1000&part=status');
    const refused = got.filter(({ event }) => event === 'key_refused');
    const seconds = Map.groupBy(refused, ({ time }) => Math.floor(Date.parse(time) / 1000));
    // Its second and that of the clock on the wall need not begin together.
    for (const some of seconds.values()) expect(some.length).toBeLessThanOrEqual(40);
    const noted = refused.findIndex(({ suppressed }) => suppressed > 0);
    if (noted < 0) continue;
    const before = got[got.indexOf(refused[noted]) + 1];
    expect(before).toMatchObject({ level: 'warn', event: 'suppressed', of: 'key_refused' });
    // The newest come first: 20 of the kind, then the one that says that there are more.
    const second = got.slice(got.indexOf(before) + 1).slice(0, 20);
    expect(second.map(({ event }) => event)).toEqual(Array(20).fill('key_refused'));
    return;
  }
});

test('a short output leaves out what /logs and /live have all the same: what operators did', async () => {
  const key = 'a-key-that-may-act';
  const quiet = await Moonstead.start({
    toml:
      '[server]\nlog_level = "warn"\n' +
      `[[api.keys]]\nname = "boss"\nkey = "${key}"\nrole = "admin"\n`,
  });
  try {
    const headers = { 'X-API-Key': key };
    const reader = await LiveClient.open(quiet.port, '/live', headers);
    const json = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ type: 'auth', userId: 'ada' });
    await fetch(`${quiet.http}/auth`, { method: 'POST', headers: json, body });
    const read = async (path: string): Promise<any> =>
      (await fetch(`${quiet.http}${path}`, { headers })).json();
    const { id } = (await read('/sessions')).items[0];
    const done = await fetch(`${quiet.http}/sessions/${id}`, { method: 'DELETE', headers });
    expect(done.status).toBe(200);
    const acted = { level: 'info', event: 'operator_acted', by: 'boss', id };
    const { data } = await reader.next('it', (one) => one.data.event === 'operator_acted');
    expect(data).toMatchObject(acted);
    expect((await read('/logs?part=status')).items).toMatchObject([acted]);
    // A warning that comes later is printed, and by then all that was to be before it.
    await fetch(`${quiet.http}/stats`, { headers: { 'X-API-Key': 'no-such-key' } });
    await until('the warning', () => quiet.events.some(({ event }) => event === 'key_refused'));
    const levels = new Set(quiet.events.map(({ level }) => level));
    expect([...levels]).toEqual(['warn']);
    expect((await read('/logs?level=debug')).items.length).toBeGreaterThan(quiet.events.length);
    reader.close();
  } finally {
    await quiet.stop();
  }
});
