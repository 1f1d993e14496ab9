import { expect, test } from 'bun:test';
import { eventLog, lineOf, type Level } from '../src/log.ts';

const hostile = 'a\n{"event":"forged"}\u001b[2J\u009b31m\u202e\u2028\u0000"b';

interface Options {
  least: Level;
  pretty: boolean;
  nowMs?: () => number;
}

const lineLog = (write: (line: string) => void, { pretty, ...options }: Options) =>
  eventLog(options, [(event) => write(lineOf(event, pretty))]);

function logged(pretty: boolean): string[] {
  const lines: string[] = [];
  lineLog((line) => lines.push(line), { least: 'info', pretty })('info', 'relay', 'mod_joined', {
    id: hostile,
    channel: undefined,
  });
  return lines;
}

test('what a client sent sends a terminal no codes and stays on its line', () => {
  const [line, ...more] = logged(true);
  expect(more).toEqual([]);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(line).toContain('relay: mod_joined id="a\\n');
  expect(line).not.toContain('channel');
});

test('a JSON line gives back what a client sent, and is one line', () => {
  const [line, ...more] = logged(false);
  expect(more).toEqual([]);
  expect(line).not.toContain('\n');
  expect(JSON.parse(line!)).toMatchObject({ level: 'info', event: 'mod_joined', id: hostile });
});

test('what is below the level is not written', () => {
  const lines: string[] = [];
  const log = lineLog((line) => lines.push(line), { least: 'warn', pretty: false });
  log('debug', 'p', 'a');
  log('info', 'p', 'b');
  log('warn', 'p', 'c');
  log('error', 'p', 'd');
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(['c', 'd']);
});

test('a warning that strangers can cause does not fill the disk: one line says so, the next counts', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const options = { least: 'info', pretty: false, nowMs: () => nowMs } as const;
  const log = lineLog((line) => lines.push(line), options);
  for (let i = 0; i < 1000; i++) log('warn', 'relay', 'key_refused', { i });
  expect(lines.length).toBe(21);
  const { time: _, ...told } = JSON.parse(lines.at(-1)!);
  expect(told).toEqual({ level: 'warn', part: 'relay', event: 'suppressed', of: 'key_refused' });
  log('warn', 'relay', 'another');
  log('error', 'store', 'store.trouble');
  expect(lines.length).toBe(23);
  nowMs = 1000;
  log('warn', 'relay', 'key_refused');
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'key_refused', suppressed: 980 });
  nowMs = 2000;
  log('warn', 'relay', 'key_refused');
  expect(JSON.parse(lines.at(-1)!)).not.toHaveProperty('suppressed');
});

test('an error that strangers can cause does not fill the disk either', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const options = { least: 'info', pretty: false, nowMs: () => nowMs } as const;
  const log = lineLog((line) => lines.push(line), options);
  for (let i = 0; i < 1000; i++) log('error', 'server', 'fault', { i });
  expect(lines.length).toBe(101);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'suppressed', of: 'fault' });
  log('error', 'sessions', 'fault');
  expect(lines.length).toBe(102);
  nowMs = 1000;
  log('error', 'server', 'fault');
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ event: 'fault', suppressed: 900 });
});

test('no field of an event takes the place of when, how grave, where and what it is', () => {
  const lines: string[] = [];
  const log = lineLog((line) => lines.push(line), { least: 'info', pretty: false });
  const forged = { time: 'never', level: 'debug', part: 'nobody', event: 'nothing' };
  log('warn', 'relay', 'key_refused', { ...forged, address: '::1' });
  const { time, ...rest } = JSON.parse(lines[0]!);
  expect(rest).toEqual({ level: 'warn', part: 'relay', event: 'key_refused', address: '::1' });
  expect(Date.parse(time)).not.toBeNaN();
  expect(Object.keys(JSON.parse(lines[0]!)).slice(0, 4)).toEqual(Object.keys(forged));
});

test('folders of this machine are left out, in whatever an error says', () => {
  const lines: string[] = [];
  const hide = ['/srv/game/data/'];
  const log = eventLog({ least: 'info', hide }, [(event) => lines.push(event.text)]);
  log('error', 'players', 'file_not_stored', {
    error: "ENOSPC: no space left on device, write '/srv/game/data/transfers/ab'",
  });
  expect(lines[0]).not.toContain('/srv');
  expect(JSON.parse(lines[0]!).error).toEndWith("write 'transfers/ab'");
});
