import { expect, test } from 'bun:test';
import { eventLog, type LogEvent } from '../../src/log.ts';
import { Journal, type Entry } from '../../src/status/journal.ts';

function event(part: string, name: string): LogEvent {
  return { wallMs: 0, level: 'info', part, event: name, text: `{"event":"${name}"}` };
}

function filled(eventsMax: number, count: number): Journal {
  const journal = new Journal(eventsMax, 'run');
  for (let i = 1; i <= count; i++) journal.add(event('relay', `e${i}`));
  return journal;
}

test('an empty journal has no event, and its first gets the number 1', () => {
  const journal = new Journal(3, 'run');
  expect([journal.newest, journal.oldest, journal.at(0), journal.at(1)]).toEqual([
    ...[0, 1],
    ...[undefined, undefined],
  ]);
  journal.add(event('relay', 'first'));
  expect([journal.newest, journal.oldest, journal.at(1)!.event]).toEqual([1, 1, 'first']);
});

test.each([
  [1, 5],
  [3, 3],
  [3, 4],
  [5, 12],
])('of %i places the newest of %i events have one each, by their numbers', (places, count) => {
  const journal = filled(places, count);
  expect([journal.newest, journal.oldest]).toEqual([count, Math.max(1, count - places + 1)]);
  for (let number = -1; number <= count + 2; number++) {
    const isThere = number >= journal.oldest && number <= count;
    expect([number, journal.at(number)?.event]).toEqual([
      number,
      isThere ? `e${number}` : undefined,
    ]);
    if (isThere) expect(journal.at(number)!.number).toBe(number);
  }
});

test('an event is about what its part is about, and a worker about workers', () => {
  const journal = new Journal(10, 'run');
  const cases = [
    ['relay', 'mod_joined', 'relay'],
    ['sessions', 'session_begun', 'session'],
    ['players', 'player_left', 'player'],
    ['tasks', 'key_refused', 'task'],
    ['tasks', 'worker_left', 'worker'],
    ['server', 'started', 'log'],
    ['status', 'operator_acted', 'log'],
  ] as const;
  for (const [part, name] of cases) journal.add(event(part, name));
  expect(cases.map((_, at) => journal.at(at + 1)!.topic)).toEqual(cases.map(([, , it]) => it));
});

test('of a fault it keeps everything but the stack, which shows the inside', () => {
  const journal = new Journal(10, 'run');
  const lines: string[] = [];
  const log = eventLog({ least: 'debug' }, [
    ({ text }) => lines.push(text),
    (event) => journal.add(event),
  ]);
  const { stack } = new Error('broken');
  log('error', 'server', 'fault', { message: 'broken', stack, more: { stack: 1 } });
  log('error', 'store', 'trouble', { error: 'full' });
  expect(JSON.parse(lines[0]!)).toHaveProperty('stack', stack);
  const { stack: _, ...rest } = JSON.parse(lines[0]!);
  expect(JSON.parse(journal.at(1)!.text)).toEqual(rest);
  expect(journal.at(2)!.text).toBe(lines[1]!);
});

test('an id gives back its number, unless it is of another run or none at all', () => {
  const journal = filled(3, 7);
  for (const number of [0, 1, 4, 7]) expect(journal.numberOf(journal.idOf(number))).toBe(number);
  const others = [
    'run-8',
    'other-3',
    'run-',
    'run',
    '',
    '-3',
    'run-3x',
    'run--3',
    'RUN-3',
    'run-3 ',
  ];
  for (const id of [...others, `run-${'9'.repeat(30)}`, 'run-1e0', 'run-٣'])
    expect([id, journal.numberOf(id)]).toEqual([id, undefined]);
});

test('who follows gets every event from then on, until it stops', () => {
  const journal = filled(2, 3);
  const [one, other]: [Entry[], Entry[]] = [[], []];
  const stop = journal.follow((entry) => one.push(entry));
  journal.follow((entry) => other.push(entry));
  journal.add(event('relay', 'a'));
  stop();
  journal.add(event('relay', 'b'));
  expect(one.map((entry) => entry.event)).toEqual(['a']);
  expect(other.map(({ number }) => number)).toEqual([4, 5]);
  expect(other[0]).toBe(one[0]!);
});

test('that events about workers are left out is told to who follows workers', () => {
  const journal = new Journal(10, 'run');
  const log = eventLog({ least: 'info', nowMs: () => 0 }, [(event) => journal.add(event)]);
  for (let n = 0; n < 1002; n++) log('info', 'tasks', 'worker_left');
  expect(journal.at(journal.newest)).toMatchObject({ topic: 'worker', event: 'suppressed' });
});
