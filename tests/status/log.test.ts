import { beforeEach, expect, test } from 'bun:test';
import { eventLog, type Log, type LogEvent, lineOf } from '../../src/log.ts';
import { Journal } from '../../src/status/journal.ts';
import { eventsOf, type Paged } from '../../src/status/paging.ts';

let nowMs: number;
let lines: string[];
let journal: Journal;
let log: Log;

beforeEach(() => {
  nowMs = 0;
  lines = [];
  journal = new Journal(5000, 'run');
  const options = { least: 'debug', nowMs: () => nowMs } as const;
  log = eventLog(options, [
    (event) => lines.push(lineOf(event, false)),
    (event) => journal.add(event),
  ]);
});

const suppressed = () => lines.map((line) => JSON.parse(line).suppressed).filter(Number);

test('the journal has what was written, line by line', () => {
  log('info', 'relay', 'mod_joined', { id: 'a "mod"\n', channel: undefined, count: 0, none: null });
  log('error', 'server', 'fault', { message: '\u2028\u0000', event: 'forged' });
  for (let i = 0; i < 50; i++) log('warn', 'tasks', 'key_refused', { i });
  log('debug', 'server', 'detail');
  const { items } = eventsOf(journal, new URLSearchParams('limit=1000')) as Paged;
  const events = items.map(({ event_id: _, ...event }: any) => event).toReversed();
  expect(events).toEqual(lines.map((line) => JSON.parse(line)));
  expect(lines.length).toBe(24);
  expect(
    events.map(({ event }: any) => event).filter((name: string) => name !== 'key_refused'),
  ).toEqual(['mod_joined', 'fault', 'suppressed', 'detail']);
});

test('every reader is handed the same event', () => {
  const [one, other]: [LogEvent[], LogEvent[]] = [[], []];
  eventLog({ least: 'info' }, [(event) => one.push(event), (event) => other.push(event)])(
    'warn',
    'relay',
    'closing',
    { code: 4400 },
  );
  expect(one[0]).toBe(other[0]!);
  const { time, ...fields } = JSON.parse(one[0]!.text);
  expect(fields).toEqual({ level: 'warn', part: 'relay', event: 'closing', code: 4400 });
  expect(Date.parse(time)).toBe(one[0]!.wallMs);
});

test.each([
  ['debug', 1000],
  ['info', 1000],
  ['warn', 20],
] as const)(
  'of one event at %s there are %i a second; then one says so, and the next tells how many were not',
  (level, max) => {
    for (let i = 0; i < max; i++) log(level, 'relay', 'closing');
    expect(journal.at(max)!.event).toBe('closing');
    for (let i = 0; i < 5; i++) log(level, 'relay', 'closing');
    expect([lines.length, journal.newest]).toEqual([max + 1, max + 1]);
    const { topic, text } = journal.at(max + 1)!;
    const told = { level: 'warn', part: 'relay', event: 'suppressed', of: 'closing' };
    expect([topic, JSON.parse(text)]).toMatchObject(['relay', told]);
    nowMs = 999;
    log(level, 'relay', 'closing');
    expect(lines.length).toBe(max + 1);
    nowMs = 1000;
    log(level, 'relay', 'closing');
    expect(suppressed()).toEqual([6]);
    nowMs = 9000;
    for (let i = 0; i < max; i++) log(level, 'relay', 'closing');
    expect([lines.length, suppressed()]).toEqual([2 * max + 2, [6]]);
  },
);

test('a flood that goes on is told of once a second, and of each kind by itself', () => {
  for (nowMs = 0; nowMs < 5000; nowMs += 10)
    for (const event of ['key_refused', 'closing'])
      for (let i = 0; i < 10; i++) log('warn', 'relay', event);
  const told = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'suppressed');
  expect(told.map(({ of }) => of)).toEqual(
    Array.from({ length: 5 }, () => ['key_refused', 'closing']).flat(),
  );
  expect(lines.length).toBe(5 * 2 * 21);
  expect(suppressed()).toEqual(Array(8).fill(980));
});

test('far more errors than warnings are written before any is left out', () => {
  for (let i = 0; i < 100; i++) log('error', 'store', 'trouble');
  expect([lines.length, journal.newest]).toEqual([100, 100]);
});

test('a flood of one event hides no other, nor the same one of another part', () => {
  for (let i = 0; i < 100; i++) log('warn', 'relay', 'key_refused');
  log('warn', 'status', 'key_refused');
  log('warn', 'relay', 'closing');
  expect(lines.length).toBe(23);
  nowMs = 1000;
  log('warn', 'status', 'key_refused');
  expect(suppressed()).toEqual([]);
  log('warn', 'relay', 'key_refused');
  expect(suppressed()).toEqual([80]);
});

test('what is below the level costs nothing of what is not', () => {
  const least: LogEvent[] = [];
  const quiet = eventLog({ least: 'warn', nowMs: () => 0 }, [(event) => least.push(event)]);
  for (let i = 0; i < 100; i++) quiet('info', 'relay', 'closing');
  quiet('warn', 'relay', 'closing');
  expect(least.length).toBe(1);
});
