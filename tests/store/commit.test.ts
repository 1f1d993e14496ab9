import { expect, test } from 'bun:test';
import type { Call } from '../../src/store/calls.ts';
import { commitLine } from '../../src/store/commit.ts';
import { failure } from './rows.ts';

/** A line whose batches the test settles by hand. */
function line() {
  const batches: Call[][] = [];
  const made = commitLine((calls) => batches.push(calls));
  const read = (ring: string) => made.submit<unknown>(['read', ring, 0, 0]);
  const rings = () => batches.map((calls) => calls.map((call) => call[1]));
  return { line: made, read, rings };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is submitted in one turn is one batch', async () => {
  const { read, rings } = line();
  void read('a');
  await Promise.resolve();
  void read('b');
  expect(rings()).toEqual([]);
  await turn();
  expect(rings()).toEqual([['a', 'b']]);
});

test('what is submitted while a batch is under way waits for it, and is one batch', async () => {
  const made = line();
  void made.read('a');
  await turn();
  void made.read('b');
  await turn();
  void made.read('c');
  await turn();
  expect(made.rings()).toEqual([['a']]);
  made.line.settle({});
  await turn();
  expect(made.rings()).toEqual([['a'], ['b', 'c']]);
});

test('what is submitted because of an answer joins the next batch', async () => {
  const made = line();
  void made.read('a').then(() => made.read('c'));
  await turn();
  void made.read('b');
  made.line.settle({});
  await turn();
  expect(made.rings()).toEqual([['a'], ['b', 'c']]);
});

test('each call gets its own outcome', async () => {
  const made = line();
  const calls = [made.read('a'), made.read('b'), made.read('c')];
  const settled = Promise.allSettled(calls);
  await turn();
  made.line.settle({ outcomes: [{ value: 1 }, { failed: 'no room' }, { value: undefined }] });
  expect(await settled).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: new Error('no room') },
    { status: 'fulfilled', value: undefined },
  ]);
});

test('drained waits for everything submitted, failures too', async () => {
  const made = line();
  let drained = false;
  void failure(made.read('a'));
  await turn();
  void failure(made.read('b'));
  void made.line.drained().then(() => (drained = true));
  made.line.settle({});
  await turn();
  expect(drained).toBe(false);
  made.line.settle({ outcomes: [{ failed: 'no room' }] });
  await turn();
  expect(drained).toBe(true);
});

test('an end rejects what is under way, what waits and what comes', async () => {
  const made = line();
  const underWay = failure(made.read('a'));
  await turn();
  const waiting = failure(made.read('b'));
  made.line.end('gone');
  expect(await Promise.all([underWay, waiting, failure(made.read('c'))])).toEqual([
    'gone',
    'gone',
    'gone',
  ]);
  await turn();
  expect(made.rings()).toEqual([['a']]);
});
