import { expect, spyOn, test } from 'bun:test';
import { work } from '../../examples/work.ts';

const never = new AbortController().signal;

/** Does a job; also what was printed meanwhile. */
async function run(payload: unknown, takeMs = 0, signal = never) {
  const printed: string[] = [];
  const log = spyOn(console, 'log').mockImplementation((line) => void printed.push(line));
  const error = spyOn(console, 'error').mockImplementation(() => {});
  try {
    return { ...(await work('id-1', payload, { takeMs, signal })), printed };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['é😀', '1184d1f608158eea09d297565575892231550c403aaa913008d867a97cfd5c76'],
])('the hash of %j is the SHA-256 of its UTF-8', async (text, result) => {
  const { status, body } = await run({ action: 'hash', text });
  expect({ status, body }).toEqual({ status: 200, body: { status: 'completed', result } });
});

test.each([
  ['', 0, 0, 0],
  [' ', 0, 1, 1],
  ['\n', 0, 1, 1],
  ['one', 1, 1, 3],
  ['one\n', 1, 1, 4],
  ['one  two\r\n\nthree', 3, 3, 16],
  ['é 😀', 2, 1, 3],
  ['a\ud800', 1, 1, 2],
])('%j is counted', async (text, words, lines, characters) => {
  const { status, body } = await run({ action: 'count', text });
  const result = { words, lines, characters };
  expect({ status, body }).toEqual({ status: 200, body: { status: 'completed', result } });
});

test.each([
  [undefined, 'action: hash or count'],
  [null, 'action: hash or count'],
  [5, 'action: hash or count'],
  ['hash', 'action: hash or count'],
  [[], 'action: hash or count'],
  [{ text: 'x' }, 'action: hash or count'],
  [{ action: 'constructor', text: 'x' }, 'action: hash or count'],
  [{ action: ['hash'], text: 'x' }, 'action: hash or count'],
  [{ action: 'hash' }, 'text: a string'],
  [{ action: 'count', text: ['x'] }, 'text: a string'],
])('%j is a bad job, refused at once', async (payload, error) => {
  const { printed, ...answer } = await run(payload, 60_000);
  expect(answer).toEqual({ status: 400, body: { error } });
  expect(printed).toEqual([expect.stringMatching(/^id-1 refused \d+ ms$/)]);
});

test('the line about a job holds nothing that its payload could choose', async () => {
  const { printed } = await run({ action: 'hash', text: 'a secret' });
  expect(printed).toEqual([expect.stringMatching(/^id-1 hash \d+ ms$/)]);
  const refused = await run({ action: '\x1b[2J', text: 'a secret' });
  expect(refused.printed).toEqual([expect.stringMatching(/^id-1 refused \d+ ms$/)]);
});

test('a job that nobody waits for any more ends', async () => {
  const caller = new AbortController();
  const running = run({ action: 'hash', text: 'x' }, 60_000, caller.signal);
  caller.abort();
  expect((await running).printed).toEqual([expect.stringMatching(/^id-1 cancelled \d+ ms$/)]);
});

test('a fault in a job is a 500 without its words', async () => {
  const payload = {
    get action(): string {
      throw new Error('a secret');
    },
  };
  const { printed, ...answer } = await run(payload);
  expect(answer).toEqual({ status: 500, body: { error: 'the job failed' } });
  expect(printed).toEqual([expect.stringMatching(/^id-1 failed \d+ ms$/)]);
});
