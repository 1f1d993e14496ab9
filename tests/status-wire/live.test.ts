import { afterEach, expect, test } from 'bun:test';
import { HttpClient } from '../support/http.ts';
import { Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { LiveClient, type SentEvent } from '../support/sse.ts';

let server: Moonstead;
const guests: (() => void)[] = [];
afterEach(async () => {
  for (const leave of guests.splice(0)) leave();
  const code = await server.stop();
  expect([code, server.events.filter(({ level }) => level === 'error')]).toEqual([0, []]);
});

async function start(api = '', rest = ''): Promise<void> {
  server = await Moonstead.start({ toml: `[api]\n${api}\n${rest}` });
}

async function live(path = '/live', headers: Record<string, string> = {}): Promise<LiveClient> {
  const client = await LiveClient.open(server.port, path, headers);
  guests.push(() => client.close());
  return client;
}

async function raw(client: Promise<RawClient>): Promise<RawClient> {
  const one = await client;
  guests.push(() => one.ended || one.destroy());
  return one;
}

/** What a POST to `/auth` grants: an event of the journal. */
async function session(userId = 'ada'): Promise<string> {
  const body = JSON.stringify({ type: 'auth', userId });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${server.http}/auth`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { token: string }).token;
}

/** A player, from its session on. */
async function comeIn(userId: string): Promise<void> {
  const token = await session(userId);
  const player = await raw(RawClient.open(server.port, { path: '/player' }));
  player.say({ type: 'session_auth', token, protocol: 2 });
}

async function readers(): Promise<number> {
  const answer = await fetch(`${server.http}/stats`);
  return ((await answer.json()) as any).parts.status.live_readers;
}

const named =
  (event: string) =>
  ({ data }: SentEvent): boolean =>
    data.event === event;
const numberIn = (id: string | undefined) => Number(/-(\d+)$/.exec(id!)![1]);
const names = (events: SentEvent[]) => events.map(({ data }) => data.event);

test('the headers leave at once, with how soon to come back, and nothing of the past', async () => {
  await start();
  for (const path of ['/live', '/api/live']) {
    const reader = await live(path);
    expect(reader.http.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    await until('the greeting', () => (reader.take(), reader.retry !== undefined));
    expect([reader.comments, reader.retry, reader.events]).toEqual([['moonstead'], 2000, []]);
    expect(reader.places).toEqual([expect.stringMatching(/^[0-9a-z]+-\d+$/)]);
  }
});

test('each event comes under the topic of what it is about, as the log has it', async () => {
  await start();
  const reader = await live();
  const here = await live('/api/live');
  await comeIn('ada');
  await raw(RawClient.mod(server.port));
  const worker = await raw(RawClient.open(server.port, { path: '/ws' }));
  worker.say({ type: 'register', payload: { token: 'supersecrettokenox0', region: 'usa' } });
  const stranger = await raw(RawClient.open(server.port, { path: '/ws' }));
  stranger.say({ type: 'register', payload: { token: 'no-such-token', region: 'usa' } });
  const forwarded = { 'X-API-Key': 'no-such-key', 'X-Forwarded-For': '192.0.2.7' };
  await fetch(`${server.http}/stats`, { headers: forwarded });
  const expected: [event: string, topic: string][] = [
    ['session_begun', 'session'],
    ['player_joined', 'player'],
    ['mod_joined', 'relay'],
    ['worker_joined', 'worker'],
    ['token_refused', 'task'],
    ['key_refused', 'log'],
  ];
  for (const one of [reader, here]) {
    const got = () => one.journalled.map(({ event, data }) => `${data.event} ${event}`);
    for (const [event, topic] of expected)
      await until(event, () => got().includes(`${event} ${topic}`));
    for (const { data } of one.journalled) expect(server.events).toContainEqual(data);
  }
  expect(here.journalled).toEqual(reader.journalled);
});

test('a reader gets the topics that it names: one, some, or all by the name of log', async () => {
  await start();
  const asked = ['relay', 'session', 'session,relay', 'session&topics=relay', 'log', ''];
  const all: LiveClient[] = [];
  for (const topics of asked) all.push(await live(`/live?topics=${topics}`));
  await session();
  await raw(RawClient.mod(server.port));
  await session('last');
  await raw(RawClient.bot(server.port));
  const last = await Promise.all(
    all.map((one, at) =>
      one.next(asked[at]!, ({ data }) =>
        asked[at] === 'session' ? data.userId === 'last' : data.event === 'bot_joined',
      ),
    ),
  );
  expect(last.length).toBe(6);
  const [relay, sessions, ...both] = all.map(({ journalled }) => names(journalled));
  expect(relay).toEqual(['mod_joined', 'bot_joined']);
  expect(sessions).toEqual(['session_begun', 'session_begun']);
  for (const one of both)
    expect(one).toEqual(['session_begun', 'mod_joined', 'session_begun', 'bot_joined']);
});

test('who asks for stats gets the numbers again and again, without an id, and nobody else', async () => {
  await start();
  const [reader, other] = [await live('/api/live?topics=stats,session'), await live()];
  await session();
  for (let i = 0; i < 2; i++) {
    const { id, data } = await reader.next('numbers', ({ event }) => event === 'stats');
    expect(id).toBeUndefined();
    expect(data.parts.status.live_readers).toBe(2);
    const page = (await (await fetch(`${server.http}/stats`)).json()) as any;
    expect(Object.keys(data)).toEqual(Object.keys(page));
    expect(Object.keys(data.parts)).toEqual(Object.keys(page.parts));
  }
  await other.next('the session', named('session_begun'));
  expect(reader.journalled.length).toBe(1);
  expect(other.events.filter(({ event }) => event === 'stats')).toEqual([]);
});

test('a reader that comes back again and again under load misses nothing and gets nothing twice', async () => {
  await start('', '[auth]\nsessions_per_minute = 1000000');
  let isOver = false;
  const load = Array.from({ length: 4 }, async (_, at) => {
    for (let i = 0; !isOver; i++) await session(`user-${at}-${i % 50}`);
  });
  const got: SentEvent[] = [];
  let lastId = '';
  for (let round = 0; round < 25; round++) {
    const prefix = round % 2 === 0 ? '' : '/api';
    const reader = await live(`${prefix}/live`, lastId === '' ? {} : { 'Last-Event-ID': lastId });
    await until('some events', () => reader.journalled.length > (round * 7) % 23);
    const seen = [...reader.journalled];
    reader.close();
    expect(seen.filter(({ event }) => event === 'missed')).toEqual([]);
    got.push(...seen);
    lastId = seen.at(-1)!.id!;
  }
  isOver = true;
  await Promise.all(load);
  const end = await live('/live', { 'Last-Event-ID': lastId });
  await until('the newest', () => server.events.length <= numberIn(end.lastId ?? lastId));
  got.push(...end.journalled);
  const numbers = got.map(({ id }) => numberIn(id));
  expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at));
  expect(got.map(({ data }) => data)).toEqual(
    server.events.slice(numbers[0]! - 1, numbers.at(-1)) as object[],
  );
}, 30_000);

test('a reader that saw nothing of its topics, and broke off, comes back and misses nothing', async () => {
  await start('live_stall_timeout = "100ms"');
  const first = await live('/live?topics=player');
  const greeted = await until('the greeting', () => first.lastId);
  await session('ada');
  const begun = await live('/live?topics=session', { 'Last-Event-ID': greeted });
  const { id } = await begun.next('the session', named('session_begun'));
  // Nothing for it came, but the comments say how far it is.
  await until('a comment with that place', () => first.lastId === id);
  first.close();
  await comeIn('bob');
  await until('the player', () => server.events.some(({ event }) => event === 'player_joined'));
  const back = await live('/live?topics=player', { 'Last-Event-ID': `${first.lastId}` });
  const { data } = await back.next('the player', () => true);
  expect(data).toMatchObject({ event: 'player_joined', userId: 'bob' });
  expect(back.journalled.length).toBe(1);
});

test('an id that is too old, of another run or none at all gets told, then all there is', async () => {
  await start('', '[server]\njournal_events = 5');
  const reader = await live();
  for (let i = 0; i < 9; i++) await session(`user-${i}`);
  await until('the sessions', () => reader.journalled.length === 9);
  const ids = reader.journalled.map(({ id }) => id!);
  const [run] = ids[0]!.split('-');
  const strange = ['otherrun-3', `${run}-999999`, 'x', '-', `${run}-`, `${run}-1e3`, `${run}--1`];
  for (const id of [ids[0]!, ids[2]!, ...strange]) {
    const late = await live('/live', { 'Last-Event-ID': id });
    const { event, data, id: none } = await late.next('word of that');
    expect([id, event, data, none]).toEqual([id, 'missed', {}, undefined]);
    await until('the rest', () => late.journalled.length === 5);
    expect(late.journalled.map((one) => one.id!)).toEqual(ids.slice(4));
  }
  // The oldest that is there still follows it; and behind the newest there is nothing.
  const close = await live('/live', { 'Last-Event-ID': ids[3]! });
  const newest = await live('/live', { 'Last-Event-ID': ids[8]! });
  await session('last');
  await close.next('the newest', ({ data }) => data.userId === 'last');
  await newest.next('the newest', ({ data }) => data.userId === 'last');
  expect(close.events.map(({ id }) => id)).toEqual([...ids.slice(4), newest.lastId]);
  expect(newest.events.length).toBe(1);
});

test('who has nothing to read gets comments, and is no staller', async () => {
  await start('live_stall_timeout = "100ms"');
  const reader = await live('/live?topics=session');
  await until('comments', () => (reader.take(), reader.comments.length > 8));
  expect(reader.events).toEqual([]);
  expect(await readers()).toBe(1);
  await session();
  await reader.next('the session', named('session_begun'));
});

test('there are only so many readers at a time; whoever leaves frees a place', async () => {
  await start('live_readers_max = 2');
  const first = await live();
  await live('/api/live');
  for (const path of ['/live', '/api/live']) {
    const { http } = await LiveClient.ask(server.port, path);
    await http.over();
    expect([http.status, http.json.error.code]).toEqual([503, 'too_many_readers']);
    expect(http.headers['retry-after']).toBe('5');
  }
  const unread = await LiveClient.ask(server.port, '/live?topics=nonsense');
  expect(unread.http.status).toBe(400);
  first.close();
  await until('the place', async () => (await readers()) === 1);
  const next = await live();
  await session();
  await next.next('the session', named('session_begun'));
});

test('with no places there are no readers', async () => {
  await start('live_readers_max = 0');
  expect((await LiveClient.ask(server.port)).http.status).toBe(503);
});

test('readers that leave at once, at any point, leave nothing behind', async () => {
  await start('live_readers_max = 40');
  for (let round = 0; round < 3; round++) {
    const leaving = Array.from({ length: 30 }, (_, at) => {
      const client = HttpClient.ask(server.port, { path: at % 2 ? '/live' : '/api/live' });
      return at % 3 === 0 ? client.begun().then(() => client.destroy()) : client.destroy();
    });
    await Promise.all(leaving);
    await session(`user-${round}`);
  }
  await until('nobody', async () => (await readers()) === 0);
});
