import { beforeEach, expect, spyOn, test } from 'bun:test';
import { Journal } from '../../src/status/journal.ts';
import { Live, type LiveLimits } from '../../src/status/live.ts';
import type { Reader, Wish } from '../../src/status/live-reader.ts';
import { SimClock } from '../sim/clock.ts';

let clock: SimClock;
let journal: Journal;
let live: Live;
let numbers: number;

function begin(limits: Partial<LiveLimits> = {}): void {
  clock = new SimClock();
  journal = new Journal(100, 'run');
  numbers = 0;
  const stats = () => `${(numbers += 1)}`;
  live = new Live({ clock, journal, stats }, { readersMax: 3, stallMs: 30_000, ...limits });
  live.begin();
}
beforeEach(() => begin());

/** A client that takes what it is sent at once, or nothing at all. */
class Client {
  got = '';
  end = '';
  readonly reader: Reader | undefined;

  constructor(
    topics?: string[],
    private takes = true,
  ) {
    const wish: Wish = { topics: topics && (new Set(topics) as never), lastId: undefined };
    this.reader = live.open(wish, {
      ready: () => this.take(),
      ended: () => (this.end = 'ended'),
      cut: () => (this.end = 'cut'),
    });
    if (this.reader !== undefined) this.take();
  }

  take(): void {
    if (!this.takes) return;
    for (let text = this.reader!.take(); text !== undefined; text = this.reader!.take())
      this.got += text;
  }

  get events(): string[] {
    return [...this.got.matchAll(/^event: (.*)$/gm)].map(([, event]) => event!);
  }
}

function log(part = 'relay'): void {
  journal.add({ wallMs: 0, level: 'info', part, event: 'e', text: '{}' });
}

test('everybody gets what is logged, each its topics', () => {
  const [all, sessions] = [new Client(), new Client(['session'])];
  log();
  log('sessions');
  expect([all.events, sessions.events]).toEqual([['relay', 'session'], ['session']]);
});

test('there are only so many at a time, and who leaves frees a place', () => {
  const clients = [new Client(), new Client(), new Client()];
  expect([live.size, new Client().reader]).toEqual([3, undefined]);
  clients[0]!.reader!.leave();
  clients[0]!.reader!.leave();
  expect(live.size).toBe(2);
  expect(new Client().reader).toBeDefined();
  expect(new Client().reader).toBeUndefined();
});

test('the numbers are read once a second for all who want them, and not at all for nobody', async () => {
  const other = new Client();
  await clock.run(5000);
  expect(numbers).toBe(0);
  const wanting = [new Client(['stats']), new Client(['stats', 'relay'])];
  await clock.run(3000);
  expect(numbers).toBe(3);
  for (const one of wanting) expect(one.events).toEqual(['stats', 'stats', 'stats']);
  expect(wanting[0]!.got).toBe(wanting[1]!.got);
  expect(other.events).toEqual([]);
});

test('an idle reader gets a comment now and then, and stays', async () => {
  const client = new Client(['session']);
  await clock.run(61_000);
  expect(client.got.match(/^:$/gm)?.length).toBe(4);
  expect([client.end, live.size]).toEqual(['', 1]);
});

test('who takes nothing is cut in time, idle or not at first, and the others stay', async () => {
  begin({ stallMs: 2000 });
  const [never, good] = [new Client(undefined, false), new Client()];
  await clock.run(1000);
  expect(never.end).toBe('');
  log();
  await clock.run(3000);
  expect([never.end, good.end, live.size]).toEqual(['cut', '', 1]);
  log();
  expect(good.events).toEqual(['relay', 'relay']);
});

test('who stops taking later is cut, too', async () => {
  begin({ stallMs: 2000 });
  const client = new Client();
  log();
  (client as any).takes = false;
  await clock.run(10_000);
  expect([client.end, live.size]).toEqual(['cut', 0]);
});

test('the end is the end of all, and of every timer', async () => {
  const [one, other] = [new Client(['stats']), new Client(undefined, false)];
  live.end();
  expect([one.end, other.end, live.size]).toEqual(['ended', 'ended', 0]);
  const planned = spyOn(clock, 'after');
  await clock.run(100_000);
  expect([numbers, planned.mock.calls.length]).toEqual([0, 0]);
  log();
  expect(one.events).toEqual([]);
});

test('who comes after the end is greeted and sent on at once, with a place to come back to', () => {
  log();
  live.end();
  const [late, idle] = [new Client(['player']), new Client(undefined, false)];
  expect([late.end, idle.end, live.size]).toEqual(['ended', 'ended', 0]);
  expect(late.got).toBe(': moonstead\nretry: 2000\nid: run-1\n\n');
});
