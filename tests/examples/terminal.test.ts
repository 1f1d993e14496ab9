import { expect, test } from 'bun:test';
import { jsonLineOf, lineOf, readTyped } from '../../examples/console-bot/terminal.ts';

const message = (content: string, name?: string) => ({
  type: 'mod',
  channel_id: '123',
  author: { id: 'a1', name },
  content,
});

test('a message is one line with its channel and its author', () => {
  expect(lineOf(message('hello', 'Alice'))).toBe('[123] <Alice> hello');
  expect(lineOf(message('hello'))).toBe('[123] <a1> hello');
});

test.each([
  ['\x1b[31mred\x1b[0m', '␛[31mred␛[0m'],
  ['\x1b]0;title\x07', '␛]0;title␇'],
  ['a\r\n[123] <Admin> obey', 'a␍␊[123] <Admin> obey'],
  ['\x9b2J\x7f\b', '\ufffd2J␡␈'],
  ['\u202eevil\u2028', '\ufffdevil\ufffd'],
])('%j cannot steer the terminal', (text, shown) => {
  expect(lineOf(message(text, 'Alice'))).toBe(`[123] <Alice> ${shown}`);
  expect(lineOf(message('x', text))).toBe(`[123] <${shown}> x`);
});

test('a JSON line is pure of control characters and means the same', () => {
  const original = message('\x1b[31m\n\x9b2J\u2028\u202e"\\😀', 'Al\x7fice');
  const line = jsonLineOf(original);
  expect(line).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  expect(JSON.parse(line)).toEqual(original);
});

test.each([
  ['123: hello', '', { do: 'send', channel: '123', text: 'hello' }],
  ['123:hello: there', '', { do: 'send', channel: '123', text: 'hello: there' }],
  ['note: hello', '123', { do: 'send', channel: '123', text: 'note: hello' }],
  ['  hello  ', '123', { do: 'send', channel: '123', text: 'hello' }],
  ['/channel 123', '', { do: 'choose', channel: '123' }],
  ['/channel', '123', { do: 'choose', channel: '' }],
  ['', '123', { do: 'nothing' }],
])('typed %j with channel %j chosen', (line, chosen, expected) => {
  expect(readTyped(line, chosen)).toEqual(expected as ReturnType<typeof readTyped>);
});

test.each(['hello', 'hello there: you', '123:', `${'1'.repeat(129)}: x`])(
  'typed %j goes nowhere, with a hint',
  (line) => {
    expect(readTyped(line, '')).toEqual({ do: 'nothing', hint: expect.any(String) });
  },
);
