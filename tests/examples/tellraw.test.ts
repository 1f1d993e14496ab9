import { expect, test } from 'bun:test';
import { commandBytesMax, tellraw } from '../../examples/minecraft-log/tellraw.ts';

const frame = /^tellraw @a (\{.*\})\n$/;

/** The text that players would see, after checks that hold for every command. */
function shown(command: string | undefined): string {
  expect(command).toBeDefined();
  expect(Buffer.byteLength(command!)).toBeLessThanOrEqual(commandBytesMax);
  expect(command!.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029§\ud800-\udfff]/u);
  const component = JSON.parse(frame.exec(command!)![1]!);
  expect(Object.keys(component)).toEqual(['text']);
  return component.text;
}

test('a plain message becomes one tellraw command', () => {
  expect(tellraw('Bob', 'hello')).toBe('tellraw @a {"text":"<Bob> hello"}\n');
});

test.each([
  ['a\nop Bob', '<Bob> a op Bob'],
  ['a\r\n/stop', '<Bob> a /stop'],
  ['a\u2028stop\u2029stop\u0085stop', '<Bob> a stop stop stop'],
  ['"},{"text":"x"}', '<Bob> "},{"text":"x"}'],
  ['back\\slash \\" \\n \\u000a', '<Bob> back\\slash \\" \\n \\u000a'],
  ['§4red §ktext', '<Bob> 4red ktext'],
  ['\x1b[31mred\x00\x07\x7f\x9b', '<Bob> [31mred'],
  ['@a @e[type=!player]', '<Bob> @a @e[type=!player]'],
  ['\u202egnihtyna', '<Bob> gnihtyna'],
  ['half \ud83d pair', '<Bob> half \ufffd pair'],
  ['日本 👩‍🚀', '<Bob> 日本 👩‍🚀'],
])('%j stays text', (text, expected) => {
  expect(shown(tellraw('Bob', text))).toBe(expected);
});

test.each(['', ' ', '\n', '\x00\x1b', '§'])('nothing readable in %j: no command', (text) => {
  expect(tellraw('Bob', text)).toBeUndefined();
});

test('a hostile name is harmless too, and leaves room for the text', () => {
  expect(shown(tellraw('B"\n§o\\b', 'x'))).toBe('<B" o\\b> x');
  expect(shown(tellraw('😀'.repeat(100_000), 'hello'))).toEndWith('> hello');
});

test.each(['x', '"', '\\', 'é', '日', '😀', '\n', 'x"\\é日😀'])(
  '2 MB of %j are cut to what a command line allows, between characters',
  (piece) => {
    const command = tellraw('Bob', `start ${piece.repeat(2_000_000 / piece.length)}`);
    const text = shown(command);
    expect(text).toStartWith('<Bob> start');
    expect(text).not.toContain('\ufffd');
    if (piece !== '\n') {
      expect(text).toEndWith('…');
      expect(Buffer.byteLength(command!)).toBeGreaterThan(commandBytesMax - 8);
    }
  },
);

test('text that just fits is not cut, one more character is', () => {
  const room = commandBytesMax - 'tellraw @a {"text":"<Bob> "}\n'.length;
  expect(shown(tellraw('Bob', 'x'.repeat(room)))).toBe(`<Bob> ${'x'.repeat(room)}`);
  expect(shown(tellraw('Bob', 'x'.repeat(room + 1)))).toBe(`<Bob> ${'x'.repeat(room - 3)}…`);
});

test('whatever the text, it is one line that reads back as JSON', () => {
  const random = seeded(20_251_208);
  const alphabet = ['"', '\\', '\n', '\r', '\u2028', '\u2029', '\u0085', '§', '\0', '\x1b', '\x7f'];
  alphabet.push(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    "'",
    '/',
    '@a',
    'stop',
    ' ',
    'é',
    '日',
    '😀',
    '\ud800',
  );
  for (let round = 0; round < 2_000; round++) {
    const piece = () =>
      random() < 0.7
        ? alphabet[Math.floor(random() * alphabet.length)]!
        : String.fromCharCode(Math.floor(random() * 65_536));
    const text = (length: number) => Array.from({ length }, piece).join('');
    const command = tellraw(text(random() * 40), text(random() * (round % 50 ? 60 : 6_000)));
    if (command !== undefined) shown(command);
  }
});

/** A small generator (mulberry32), so that a failure comes back. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
