import { expect, test } from 'bun:test';
import { cleanFileName } from '../../src/players/file-names.ts';

test.each([
  ['mod.pmp', 'mod.pmp'],
  ['Ein Mäuschen 🐭 (2).txt', 'Ein Mäuschen 🐭 (2).txt'],
  ['👩‍👩‍👧.png', '👩‍👩‍👧.png'],
  ['.gitignore', '.gitignore'],
  ['..hidden', '..hidden'],
])('a plain name stays: %j', (name, cleaned) => {
  expect(cleanFileName(name)).toBe(cleaned);
});

test.each([
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\x\\mod.pmp', 'mod.pmp'],
  ['C:evil.exe', 'C_evil.exe'],
  ['a.txt:stream', 'a.txt_stream'],
  ['folder/', 'folder'],
  ['a/..', 'a'],
  ['a/.', 'a'],
  ['\u0000/\u0007a\r\nb\u009b', 'ab'],
  ['gpj.\u202eexe', 'gpj.exe'],
  ['\u2066a\u2069\u200f\u061c\u2028', 'a'],
  ['.\u202e.', 'file'],
  [' a.txt ', 'a.txt'],
  ['a.exe. . ', 'a.exe'],
  ['bad \ud800 one', 'bad \ufffd one'],
])('a name is only ever a label: %j', (name, cleaned) => {
  expect(cleanFileName(name)).toBe(cleaned);
});

test.each(['.', '..', '...', '/', '\\', ' ', '\n', '../..', '\u202e', ''])(
  'of %j nothing is left to be a name',
  (name) => {
    expect(cleanFileName(name)).toBe('file');
  },
);

test('a long name is cut between characters, and keeps its ending', () => {
  const bytes = (text: string) => Buffer.byteLength(text);
  expect(cleanFileName('a'.repeat(255))).toBe('a'.repeat(255));
  expect(cleanFileName(`${'a'.repeat(300)}.pmp`)).toBe(`${'a'.repeat(251)}.pmp`);
  expect(cleanFileName('🐭'.repeat(100))).toBe('🐭'.repeat(63));
  expect(cleanFileName(`${'é'.repeat(200)}.tar`)).toBe(`${'é'.repeat(125)}.tar`);
  expect(bytes(cleanFileName(`a.${'b'.repeat(300)}`))).toBe(255);
  expect(cleanFileName(`${'a'.repeat(250)}. .${'b'.repeat(3)}`)).toBe(`${'a'.repeat(250)}.bbb`);
});
