import { beforeEach, expect, test } from 'bun:test';
import { Journal } from '../../src/status/journal.ts';
import { Reader, type Wish } from '../../src/status/live-reader.ts';
import { SimClock } from '../sim/clock.ts';

let clock: SimClock;
let journal: Journal;
let told: string[];

beforeEach(() => {
  clock = new SimClock();
  journal = new Journal(10, 'run');
  told = [];
});

function log(count = 1, part = 'relay', text?: string): void {
  for (let i = 0; i < count; i++) {
    const name = `e${journal.newest + 1}`;
    const said = text ?? `{"event":"${name}"}`;
    journal.add({ wallMs: 0, level: 'info', part, event: name, text: said });
  }
}

function open(wish: Partial<Wish> = {}): Reader {
  const sink = {
    ready: () => void told.push('ready'),
    ended: () => void told.push('ended'),
    cut: () => void told.push('cut'),
  };
  const ports = { journal, clock, left: () => void told.push('left') };
  const reader = new Reader(ports, { topics: undefined, lastId: undefined, ...wish }, sink);
  journal.follow((entry) => reader.added(entry));
  return reader;
}

/** A place that is no event; an EventSource comes back with it all the same. */
const placeAt = (number: number) => `id: run-${number}\n\n`;
const hello = (number: number) => `: moonstead\nretry: 2000\n${placeAt(number)}`;
const missed = 'event: missed\ndata: {}\n\n';
const frame = (number: number, topic = 'relay') =>
  `id: run-${number}\nevent: ${topic}\ndata: {"event":"e${number}"}\n\n`;

test('who is new gets a greeting, then what comes from now on', () => {
  log(3);
  const reader = open();
  expect(reader.take()).toBe(hello(3));
  expect(reader.take()).toBeUndefined();
  log(2);
  expect(told).toEqual(['ready']);
  expect(reader.take()).toBe(frame(4) + frame(5));
  expect(reader.take()).toBeUndefined();
});

test('it is told once that there is something, not for each event', () => {
  const reader = open();
  log();
  expect(told).toEqual([]);
  expect(reader.take()).toBe(hello(0) + frame(1));
  expect(reader.take()).toBeUndefined();
  log(5);
  expect(told).toEqual(['ready']);
});

test.each([
  ['run-2', hello(2) + frame(3) + frame(4)],
  ['run-4', hello(4)],
  ['run-0', hello(0) + frame(1) + frame(2) + frame(3) + frame(4)],
  ['other-2', hello(0) + missed + frame(1) + frame(2) + frame(3) + frame(4)],
  ['run-5', hello(0) + missed + frame(1) + frame(2) + frame(3) + frame(4)],
  ['nonsense', hello(0) + missed + frame(1) + frame(2) + frame(3) + frame(4)],
])('behind the id %s it goes on exactly', (lastId, text) => {
  log(4);
  expect(open({ lastId }).take()).toBe(text);
});

test('what the journal has dropped since its id is missed, and only then', () => {
  log(15);
  const all = Array.from({ length: 10 }, (_, at) => frame(at + 6)).join('');
  expect(open({ lastId: 'run-5' }).take()).toBe(hello(5) + all);
  expect(open({ lastId: 'run-4' }).take()).toBe(hello(5) + missed + all);
});

test('it gets its topics only, and is not woken for others', () => {
  const reader = open({ topics: new Set(['session', 'worker']) });
  reader.take();
  reader.take();
  log(3);
  expect(told).toEqual([]);
  log(1, 'sessions');
  expect(told).toEqual(['ready']);
  log(1);
  expect(reader.take()).toBe(frame(4, 'session'));
  log(9);
  expect(reader.take()).toBeUndefined();
});

test('others than its topics may run past it for ever without a cut', () => {
  const reader = open({ topics: new Set(['session']) });
  reader.take();
  reader.take();
  log(50);
  log(1, 'sessions');
  expect(reader.take()).toBe(frame(51, 'session'));
  expect(told).toEqual(['ready']);
});

test('the topic log is all of them', () => {
  const reader = open({ topics: new Set(['log']) });
  log(1);
  log(1, 'sessions');
  expect(reader.take()).toBe(hello(0) + frame(1) + frame(2, 'session'));
});

test('much is taken piece by piece, in order, and nothing twice', () => {
  const text = JSON.stringify('x'.repeat(50_000));
  log(8, 'relay', text);
  const reader = open({ lastId: 'run-0' });
  const pieces: string[] = [];
  for (let one = reader.take(); one !== undefined; one = reader.take()) pieces.push(one);
  expect(pieces.length).toBeGreaterThan(3);
  for (const one of pieces) expect(one.length).toBeLessThan(64 * 1024 + 51_000);
  const ids = [...pieces.join('').matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  expect(ids).toEqual(Array.from({ length: 9 }, (_, at) => `run-${at}`));
});

test('who falls behind the journal is cut, once', () => {
  const reader = open();
  reader.take();
  log(11);
  expect(reader.take()).toBeUndefined();
  expect(told).toEqual(['left', 'cut']);
  reader.take();
  reader.cut();
  reader.end();
  expect(reader.leave()).toBeFalse();
  expect(told).toEqual(['left', 'cut']);
});

test('the newest numbers take the place of those that nobody took', () => {
  const reader = open({ topics: new Set(['stats']) });
  expect(reader.wantsStats).toBeTrue();
  expect(open({ topics: new Set(['log']) }).wantsStats).toBeFalse();
  expect(open().wantsStats).toBeFalse();
  reader.stats('1');
  reader.stats('2');
  expect(reader.take()).toBe(`${hello(0)}event: stats\ndata: 2\n\n`);
  expect(reader.take()).toBeUndefined();
  reader.stats('3');
  expect(told).toEqual(['ready']);
  expect(reader.take()).toBe('event: stats\ndata: 3\n\n');
});

test('a comment keeps an idle connection alive, and goes to no other', () => {
  const reader = open();
  reader.keepAlive();
  expect(reader.take()).toBe(hello(0));
  expect(reader.take()).toBeUndefined();
  reader.keepAlive();
  reader.keepAlive();
  expect(told).toEqual(['ready']);
  expect(reader.take()).toBe(`:\n${placeAt(0)}`);
});

/** What an EventSource would come back with. */
const lastIdIn = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].at(-1)![1]!;

test('who saw nothing of its topics, and broke off, comes back and misses nothing', () => {
  const topics: Wish['topics'] = new Set(['player']);
  log(3);
  const lastId = lastIdIn(open({ topics }).take()!);
  log(2);
  log(1, 'players');
  log(4);
  expect(open({ topics, lastId }).take()).toBe(hello(3) + frame(6, 'player'));
  // The same from an empty journal, where nothing has an id yet.
  journal = new Journal(10, 'run');
  const first = lastIdIn(open({ topics }).take()!);
  log(1, 'players');
  expect(open({ topics, lastId: first }).take()).toBe(hello(0) + frame(1, 'player'));
});

test('who heard comments only knows by them how far it is, however much ran past it', () => {
  const topics: Wish['topics'] = new Set(['player']);
  const reader = open({ topics });
  reader.take();
  reader.take();
  log(50);
  reader.keepAlive();
  const comment = reader.take()!;
  expect(comment).toBe(`:\n${placeAt(50)}`);
  log(9);
  log(1, 'players');
  expect(open({ topics, lastId: lastIdIn(comment) }).take()).toBe(hello(50) + frame(60, 'player'));
});

test('an id without an event never runs ahead of what was sent', () => {
  const reader = open();
  reader.take();
  reader.take();
  reader.keepAlive();
  log(1);
  expect(reader.take()).toBe(`:\n${placeAt(0)}${frame(1)}`);
});

test('it stalls while there is something that it does not take, not while there is nothing', async () => {
  const reader = open();
  await clock.run(1000);
  expect(reader.stalledMs()).toBe(1000);
  reader.take();
  expect(reader.stalledMs()).toBe(0);
  await clock.run(500);
  expect(reader.stalledMs()).toBe(500);
  reader.take();
  await clock.run(60_000);
  expect(reader.stalledMs()).toBe(0);
  log();
  await clock.run(300);
  expect(reader.stalledMs()).toBe(300);
  log();
  await clock.run(300);
  expect(reader.stalledMs()).toBe(600);
});

test('at the end it may still take what there was', () => {
  const reader = open();
  log(2);
  reader.end();
  expect(told).toEqual(['left', 'ended']);
  expect(reader.take()).toBe(hello(0) + frame(1) + frame(2));
  expect(reader.take()).toBeUndefined();
});

test('an event is encoded once for all readers', () => {
  const [one, other] = [open(), open()];
  log();
  expect(one.take()).toBe(other.take()!);
  expect(journal.at(1)!.frame).toBe(frame(1));
});
