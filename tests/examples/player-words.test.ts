import { describe, expect, test } from 'bun:test';
import { charsMax, commands, readCommand } from '../../examples/player/commands.ts';
import { labelOf, numbered, safeName } from '../../examples/player/file-names.ts';
import { newsOf, outcomeOf } from '../../examples/player/news.ts';
import { createRepeats } from '../../examples/player/repeats.ts';
import { createScreen } from '../../examples/player/screen.ts';

test.each([
  ['list', { do: 'list' }],
  ['  quit ', { do: 'quit' }],
  ['unlink', { do: 'unlink' }],
  ['to bob hello  you', { do: 'to', user: 'bob', text: 'hello  you' }],
  ['to "Bob B" hello', { do: 'to', user: 'Bob B', text: 'hello' }],
  ['to bob "quoted"', { do: 'to', user: 'bob', text: '"quoted"' }],
  ['join lobby', { do: 'join', channel: 'lobby' }],
  ['leave lobby', { do: 'leave', channel: 'lobby' }],
  ['in lobby hello', { do: 'in', channel: 'lobby', text: 'hello' }],
  ['link bob', { do: 'link', user: 'bob' }],
  ['accept bob', { do: 'accept', user: 'bob' }],
  ['reject "a b"', { do: 'reject', user: 'a b' }],
  ['send bob my world.zip', { do: 'send', user: 'bob', path: 'my world.zip' }],
  ['', { do: 'nothing' }],
] as const)('%j is understood', (line, command) => {
  expect(readCommand(line)).toEqual(command);
});

test.each([
  'list bob',
  'quit now',
  'to bob',
  'to',
  'send bob',
  'link',
  'link bob now',
  '/to bob hi',
])('%j is answered with the commands', (line) => {
  expect(readCommand(line)).toEqual({ do: 'hint', hint: commands });
});

test('a line that could be more than the server takes is not sent', () => {
  expect(readCommand(`to bob ${'x'.repeat(charsMax)}`)).toMatchObject({ do: 'hint' });
});

describe('a file name of somebody else', () => {
  test.each([
    ['world.zip', 'world.zip'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\evil.exe', 'evil.exe'],
    ['C:evil.exe', 'C_evil.exe'],
    ['..', 'file'],
    ['', 'file'],
    ['/', 'file'],
    ['a/..', 'a'],
    ['.bashrc', 'bashrc'],
    ['...', 'file'],
    ['a\x1b[2Jb\n.txt', 'a_[2Jb_.txt'],
    ['gpj.\u202eexe', 'gpj._exe'],
    ['\ud800.txt', '_.txt'],
    ['NUL', '_NUL'],
    ['com1.txt', '_com1.txt'],
    ['common.txt', 'common.txt'],
    ['end. .', 'end'],
    ['what?*.txt', 'what__.txt'],
    ['日本.zip', '日本.zip'],
  ])('%j becomes %j', (label, name) => {
    expect(safeName(label)).toBe(name);
  });

  test('is at most 200 bytes, in whole characters, with its ending', () => {
    const name = safeName(`${'日'.repeat(200)}.zip`);
    expect(name).toBe(`${'日'.repeat(65)}.zip`);
    expect(Buffer.byteLength(safeName('x'.repeat(1024)))).toBe(200);
  });

  test('is printed without anything that a terminal would obey, and short', () => {
    expect(labelOf('a\x1b[2Jb')).toBe('a␛[2Jb');
    expect(labelOf('x'.repeat(31))).toBe(`${'x'.repeat(29)}…`);
  });
});

test('a name that is taken gets a number before its ending', () => {
  expect([1, 2].map((number) => numbered('a.tar.gz', number))).toEqual([
    'a.tar.gz',
    'a.tar (2).gz',
  ]);
  expect(numbered('file', 3)).toBe('file (3)');
});

describe('what arrives is printed', () => {
  test.each([
    [{ type: 'message', fromUserId: 'bob', data: 'hi\x1b[2J\nyou' }, ['<bob> hi␛[2J␊you']],
    [{ type: 'message', fromUserId: 'b\x07', data: { a: ['\u202e'] } }, ['<b␇> {"a":["�"]}']],
    [{ type: 'user_joined', userId: 'bob', userName: 'B\x1b' }, ['bob (B␛) is here']],
    [{ type: 'user_left', userId: 'bob' }, ['bob has left']],
    [{ type: 'connect_rejected', withUserId: 'bob' }, ['bob wants no link']],
    [{ type: 'disconnected', userId: 'bob' }, ['no link with bob any more']],
    [
      { type: 'user_list_update', users: [{ userId: 'a\n' }, { userId: 'b', userName: 'B' }] },
      ['online: 2', '  a␊', '  b (B)'],
    ],
    [{ type: 'message' }, ['<> ']],
    [{ type: 'pong' }, undefined],
  ])('%j', (frame, lines) => {
    expect(newsOf(frame)).toEqual(lines);
  });

  test('an outcome says its status or message, and the detail', () => {
    expect(outcomeOf({ type: 'message_ack', status: 'failed', detail: 'nobody' })).toBe(
      'failed: nobody',
    );
    expect(outcomeOf({ type: 'error', message: 'No.\x1b' })).toBe('No.␛');
    expect(outcomeOf({ type: 'lost' })).toBe('no answer; it may not have arrived');
  });
});

test('a repeat is told by its sender and msg_id, as long as it is remembered', () => {
  const isRepeat = createRepeats(2);
  const from = (fromUserId: string, id: string) => ({ type: 'message', fromUserId, msg_id: id });
  const said = [from('a', '1'), from('b', '1'), from('a', '1'), from('a', '2'), from('a', '1')];
  expect(said.map(isRepeat)).toEqual([false, false, true, false, false]);
});

describe('the screen', () => {
  function screenOf(isTerminal: boolean, columns = 80) {
    const written: string[] = [];
    const out = (text: string) => void written.push(text);
    const err = (text: string) => void written.push(`E:${text}`);
    return { written, screen: createScreen({ isTerminal, columns: () => columns, out, err }) };
  }

  test('elsewhere than on a terminal, says every 10 % once', () => {
    const { written, screen } = screenOf(false);
    for (let done = 0; done <= 1000; done += 15) screen.progress('k', 'a.zip', done, 1000);
    screen.progress('k', 'a.zip', 1000, 1000);
    screen.over('k');
    const tens = Array.from({ length: 10 }, (_, i) => `a.zip: ${(i + 1) * 10} %\n`);
    expect(written).toEqual(tens);
  });

  test('on a terminal, keeps the bars of what is under way below the lines', () => {
    const { written, screen } = screenOf(true);
    const bar = 'a.zip [##########----------] 50 %';
    screen.progress('k', 'a.zip', 5, 10);
    expect(written.splice(0)).toEqual([bar]);
    screen.print('hello');
    expect(written.splice(0)).toEqual(['\r\x1b[K', 'hello\n', bar]);
    screen.progress('k', 'a.zip', 5, 10);
    expect(written).toEqual([]);
    screen.progress('l', 'b.zip', 0, 10);
    expect(written.splice(0)).toEqual(['\r\x1b[K', `${bar}  b.zip [${'-'.repeat(20)}] 0 %`]);
    screen.over('l');
    screen.over('k');
    screen.say('bye');
    expect(written.splice(0)).toEqual(['\r\x1b[K', bar, '\r\x1b[K', 'E:player: bye\n']);
  });

  test('cuts bars that would wrap', () => {
    const { written, screen } = screenOf(true, 12);
    screen.progress('k', 'a.zip', 5, 10);
    expect(written).toEqual(['a.zip [####']);
  });
});
