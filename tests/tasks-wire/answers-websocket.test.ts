import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { RawClient } from '../support/raw.ts';
import { answer, Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();
let worker: RawClient;

beforeAll(() => stage.start());
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** A task, and what its caller gets when the worker's `task_response` has this payload. */
async function answered(more: string) {
  worker = await stage.socketWorker();
  const asked = stage.begin();
  const { task_id } = await worker.next(({ type }) => type === 'task');
  worker.say(`{"type":"task_response","payload":{"task_id":"${task_id}"${more}}}`);
  return asked.over();
}

test.each([
  ['an object', '{"a": [1, 2.50],\t"b":"\\u00e9\\ud83d\\ude00"}'],
  ['numbers beyond 2^53', '{"id":9007199254740993,"e":1e400,"z":-0.0}'],
  ['a string', '"text"'],
  ['null', 'null'],
  ['a list', '[]'],
  ['a name twice', '{"a":1,"a":2}'],
])('%s reaches the caller as JSON, as it was written', async (_what, json) => {
  const { status, text, headers } = await answered(`,"response":${json}`);
  expect([status, text]).toEqual([200, json]);
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'x-task-attempts': '1',
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
  });
});

test('of two responses in one answer the last counts, as for JSON.parse', async () => {
  const { text } = await answered(',"response":1,"r\\u0065sponse":2');
  expect(text).toBe('2');
});

test('a string with a content type of its own reaches the caller as text', async () => {
  const headers = '{"Content-Type":"text/html; charset=utf-8","X-Mine":"yes","Set-Cookie":"a=b"}';
  const answer = await answered(`,"response":"<b>\\u00fc</b>","headers":${headers}`);
  expect(answer.text).toBe('<b>ü</b>');
  expect(answer.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'x-mine': 'yes',
    'content-security-policy': 'sandbox',
  });
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('what is no string is JSON also with a content type of its own', async () => {
  const { text, headers } = await answered(
    ',"response":{"a": 1},"headers":{"content-type":"application/problem+json"}',
  );
  expect([text, headers['content-type']]).toEqual(['{"a": 1}', 'application/problem+json']);
});

test('headers of ours and those off the list do not pass', async () => {
  const all = {
    'x-task-id': 'forged',
    'X-Worker-Id': 'forged',
    'content-security-policy': 'forged',
    'x-content-type-options': 'forged',
    'X-Accel-Redirect': 'forged',
    location: 'forged',
    'content-length': '1',
    'transfer-encoding': 'chunked',
    'retry-after': '7',
    'content-language': 'de',
  };
  const { head, headers, text } = await answered(
    `,"response":"r","headers":${JSON.stringify(all)}`,
  );
  expect(text).toBe('"r"');
  expect(head).not.toContain('forged');
  expect(headers).toMatchObject({ 'retry-after': '7', 'content-language': 'de' });
});

test.each([200, 202, 299, 302, 404, 500, 599])('status %i is passed on', async (status) => {
  const answer = await answered(`,"response":{},"status":${status}`);
  expect([answer.status, answer.text]).toEqual([status, '{}']);
});

test.each([204, 205])('status %i has no body', async (status) => {
  const answer = await answered(`,"response":{"a":1},"status":${status}`);
  expect([answer.status, answer.text, answer.isWhole]).toEqual([status, '', true]);
});

test('no response is an empty answer without a content type', async () => {
  const { status, text, headers } = await answered('');
  expect([status, text, headers['content-type']]).toEqual([200, '', undefined]);
});

test.each([
  [',"response":1,"status":304', 'status: 200 to 599, not 304'],
  [',"response":1,"status":199', 'status: 200 to 599, not 304'],
  [',"response":1,"status":101', 'status: 200 to 599, not 304'],
  [',"response":1,"status":600', 'status: 200 to 599, not 304'],
  [',"response":1,"status":-200', 'status: 200 to 599, not 304'],
  [',"response":1,"status":1e99', 'status: 200 to 599, not 304'],
  [',"response":1,"status":200.5', 'status: 200 to 599, not 304'],
  [',"response":1,"status":"200"', 'status: an HTTP status'],
  [',"response":1,"status":null', 'status: an HTTP status'],
  [',"response":1,"headers":[]', 'headers: names and texts'],
  [',"response":1,"headers":{"x-a":1}', 'headers.x-a: Expected string'],
  [',"response":1,"headers":{"x-a":"b\\r\\nSet-Cookie: c"}', 'headers.x-a: printable ASCII'],
  [',"response":1,"headers":{"x-a":"\\u00f6"}', 'headers.x-a: printable ASCII'],
  [',"response":1,"headers":{"x-a\\r\\nb":"c"}', 'headers.x-a\r\nb: printable ASCII'],
  [',"response":1,"headers":{"":"c"}', 'headers.: printable ASCII'],
])('%s is no answer: 502, and the worker is told', async (more, detail) => {
  const answer = await answered(more);
  expect([answer.status, answer.json]).toEqual([
    502,
    {
      error: 'The worker answered something that is no answer.',
      task_id: answer.headers['x-task-id'],
      detail,
    },
  ]);
  expect(await worker.next(({ type }) => type === 'error')).toEqual({
    type: 'error',
    payload: { message: 'Malformed task_response.', detail },
  });
});

test('a payload reaches a worker as it was written, numbers beyond 2^53 included', async () => {
  worker = await stage.socketWorker();
  const payload =
    '{"big": 9007199254740993, "e":1e400,\n"twice":1,"twice":"\\u00e9\\ud83d\\ude00"}';
  const asked = stage.beginText(`{"payload":1,"region":"${stage.region}","payload":${payload}}`);
  const id = await answer(worker, null);
  expect(worker.texts.at(-1)).toBe(`{"type":"task","task_id":"${id}","payload":${payload}}`);
  expect((await asked.over()).headers['x-task-id']).toBe(id);
});

test('an answer is whole for many callers at once, each its own', async () => {
  worker = await stage.socketWorker();
  const asked = Array.from({ length: 50 }, (_, i) => stage.begin(`task ${i}`));
  const tasks = [];
  for (const _ of asked) tasks.push(await worker.next(({ type }) => type === 'task'));
  const answers = tasks.toReversed().map(({ task_id, payload }) => ({
    type: 'task_response',
    payload: { task_id, response: { of: payload } },
  }));
  worker.say(...answers);
  for (const [i, caller] of asked.entries())
    expect((await caller.over()).json).toEqual({ of: `task ${i}` });
});
