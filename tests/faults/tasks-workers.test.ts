import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { until } from '../support/moonstead.ts';
import { answerJson, Stage, token } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();
const hasPython = Bun.which('python3') !== null;
const support = join(import.meta.dir, '../support');

afterEach(() => stage.stop());

/** A worker on `ws` in a Node process, registered. */
async function nodeSocketWorker(does: string, more: object = {}) {
  const registration = JSON.stringify({ token, region: stage.region, ...more });
  const url = `ws://127.0.0.1:${stage.port}/ws`;
  return stage.program(['node', join(support, 'ws-worker.mjs'), url, does, registration]);
}

// Picked first.
const first = { weight: 100 };

describe('a worker process that is killed with the task in hand: the next worker has it,', () => {
  test('by HTTP', async () => {
    await stage.start();
    const doomed = await stage.nodeWorker('hold');
    await stage.register(doomed.port, first);
    const next = await stage.nodeWorker('answer');
    await stage.register(next.port);
    const asked = stage.begin({ a: 1 });
    await until('the task to be in hand', () => doomed.lines.includes('task'));
    doomed.child.kill('SIGKILL');
    const { status, json, headers } = await asked.over();
    expect([status, json.result]).toEqual([200, { seen: { a: 1 } }]);
    expect(headers['x-task-attempts']).toBe('2');
    // The dead one refuses from now on; nobody notices.
    for (let i = 0; i < 5; i++) expect((await stage.task(i)).json.result).toEqual({ seen: i });
  });

  test('by WebSocket', async () => {
    await stage.start();
    const doomed = await nodeSocketWorker('hold', first);
    await nodeSocketWorker('answer');
    const asked = stage.begin({ a: 1 });
    await until('the task to be in hand', () => doomed.lines.includes('task'));
    doomed.child.kill('SIGKILL');
    const { status, json, headers } = await asked.over();
    expect([status, json.result]).toEqual([200, { seen: { a: 1 } }]);
    expect(headers['x-task-attempts']).toBe('2');
    expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1, active: 1 });
  });
});

test('a worker that is killed in the middle of its answer breaks the connection of the caller', async () => {
  await stage.start();
  const worker = await stage.nodeWorker('half');
  await stage.register(worker.port);
  await stage.httpWorker(answerJson('"another"'), { region: 'elsewhere' });
  const caller = stage.begin();
  await until('its first half', () => caller.text === 'half of ');
  worker.child.kill('SIGKILL');
  await caller.over();
  expect([caller.text, caller.isWhole, caller.ended]).toEqual(['half of ', false, true]);
  await stage.quiet();
});

test.skipIf(!hasPython)(
  'an address where no connection comes about: the next worker, well within the deadline',
  async () => {
    await stage.start({ connect_timeout: '300ms' });
    const { line } = await stage.program(['python3', join(support, 'blackhole.py')]);
    await stage.register(Number(line), { ...first, node_id: 'hole' });
    const good = await stage.httpWorker(answerJson('"next"'));
    const startMs = performance.now();
    const { text, headers } = await stage.task(1, { timeout_ms: 10_000 });
    expect([text, headers['x-task-attempts']]).toEqual(['"next"', '2']);
    // Not refused: nobody answered for as long.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(290);
    expect(good.seen[0]!.headers['x-task-attempt']).toBe('2');
    // And with nobody else to ask it is a failure, not silence until the deadline.
    good.close();
    const { status, json } = await stage.task(1, { timeout_ms: 10_000 });
    expect([status, json.error]).toEqual([502, 'Every worker that was tried failed.']);
  },
);

test.skipIf(!hasPython)('the deadline counts while connecting, too', async () => {
  await stage.start({ connect_timeout: '30s' });
  const { line } = await stage.program(['python3', join(support, 'blackhole.py')]);
  await stage.register(Number(line));
  expect((await stage.task(1, { timeout_ms: 300 })).status).toBe(504);
  await stage.quiet();
});

test('a process that stands still (SIGSTOP): 504 at the deadline, no other worker is asked', async () => {
  await stage.start();
  const still = await stage.nodeWorker('answer');
  await stage.register(still.port, first);
  const other = await stage.httpWorker(answerJson('"other"'));
  still.child.kill('SIGSTOP');
  const { status, headers } = await stage.task(1, { timeout_ms: 300 });
  expect([status, headers['x-task-attempts'], other.seen.length]).toEqual([504, '1', 0]);
  still.child.kill('SIGCONT');
  expect((await stage.task('again')).status).toBe(200);
});

test('a WebSocket worker that stands still is dead after two intervals', async () => {
  await stage.start({ ws: { heartbeat_interval: '150ms' } });
  const still = await nodeSocketWorker('answer', first);
  await stage.httpWorker(answerJson('"next"'));
  still.child.kill('SIGSTOP');
  const { text } = await stage.task(1, { timeout_ms: 10_000 });
  expect(text).toBe('"next"');
  expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1, active: 1 });
});

test('a worker that comes back at its address is used again without a word', async () => {
  await stage.start({ eject_time: '100ms' });
  const worker = await stage.httpWorker(answerJson('"before"'));
  expect((await stage.task()).text).toBe('"before"');
  worker.close();
  for (let i = 0; i < 4; i++) expect((await stage.task()).status).toBe(502);
  const back = Bun.serve({
    port: worker.port,
    hostname: '127.0.0.1',
    fetch: () => new Response('back'),
  });
  stage.guest(back, (one) => one.stop(true));
  await until('it to be tried again', async () => (await stage.task()).text === 'back');
});

test('workers that all fail do not spoil it for those that come', async () => {
  await stage.start({ eject_failures: 1, eject_time: '60s' });
  for (let i = 0; i < 5; i++) await stage.httpWorker(({ socket }) => socket.destroy());
  for (let i = 0; i < 5; i++) expect((await stage.task()).status).toBe(502);
  await stage.httpWorker(answerJson('"fresh"'), { weight: 100 });
  await until('it to be found', async () => (await stage.task()).text === '"fresh"');
});
