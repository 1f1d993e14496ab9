import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { answerJson, Stage } from '../support/tasks.ts';

setDefaultTimeout(30_000);

const stage = new Stage();

afterEach(() => stage.stop());

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test('a thousand workers that register at once are all there, and share the tasks', async () => {
  await stage.start({}, 'sockets_per_address = 2000');
  const http = await stage.httpWorker(answerJson('"http"'));
  const [, sockets] = await Promise.all([
    Promise.all(numbers(500).map((i) => stage.register(http.port, { node_id: `http ${i}` }))),
    Promise.all(numbers(499).map((i) => stage.socketWorker({ node_id: `socket ${i}` }))),
  ]);
  expect((await stage.status()).regions[stage.region]).toEqual({ clients: 1000, active: 1000 });
  for (const socket of sockets)
    void socket
      .next(({ type }) => type === 'task')
      .then(({ task_id }) =>
        socket.say({ type: 'task_response', payload: { task_id, response: 'socket' } }),
      );
  // Each is given one, for all have the same weight.
  const asked = await Promise.all(numbers(1000).map((i) => stage.task(i)));
  const said = asked.map(({ text }) => text);
  expect(said.filter((text) => text === '"http"')).toHaveLength(501);
  expect(said.filter((text) => text === '"socket"')).toHaveLength(499);
  expect(new Set(asked.map(({ headers }) => headers['x-worker-id'])).size).toBe(1000);
});

test('a thousand tasks that are held do not keep a fast worker from two hundred others', async () => {
  await stage.start();
  const slow = await stage.httpWorker(() => {}, { region: 'slow' });
  const fast = await stage.httpWorker((seen) => answerJson(seen.body)(seen), { region: 'fast' });
  const held = numbers(1000).map((i) => stage.begin(i, { region: 'slow', timeout_ms: 60_000 }));
  await until('all to be held', () => slow.seen.length === 1000, 20_000);
  const done = await Promise.all(
    numbers(200).map((i) => stage.task(i, { region: 'fast', timeout_ms: 5000 })),
  );
  expect(done.map(({ text }) => text)).toEqual(numbers(200).map((i) => `{"payload":${i}}`));
  expect(fast.seen).toHaveLength(200);
  expect((await stage.status()).tasks).toBe(1000);
  for (const seen of slow.seen) answerJson(seen.body)(seen);
  for (const [i, caller] of held.entries())
    expect((await caller.over()).text).toBe(`{"payload":${i}}`);
});

test('of callers that hang up all at once nothing is left, at the server or its workers', async () => {
  await stage.start();
  const http = await stage.httpWorker(() => {});
  const socket = await stage.socketWorker({ node_id: 'socket' });
  const callers = numbers(400).map((i) => stage.begin(i));
  const tasks = () => socket.frames.filter(({ type }) => type === 'task');
  await until('all in hand', () => http.seen.length + tasks().length === 400);
  expect([http.seen.length, tasks().length]).toEqual([200, 200]);
  for (const caller of callers) caller.destroy();
  await until('the end at the HTTP worker', () => http.sockets.size === 0);
  await stage.quiet();
  const ids = (type: string) =>
    socket.frames.filter((frame) => frame.type === type).map(({ task_id }) => task_id);
  await until('the cancels', () => ids('cancel').length === 200);
  expect(ids('cancel').toSorted()).toEqual(ids('task').toSorted());
  for (const nodeId of [http.nodeId, 'socket'])
    await stage.entryThat(nodeId, ({ in_flight: n, health }) => n === 0 && health === 'healthy');
});

test('a flood of tasks while workers fail: each has one answer, its own', async () => {
  await stage.start({ retry_count: 3, eject_failures: 1000 });
  const good = numbers(3).map(() => stage.httpWorker((seen) => answerJson(seen.body)(seen)));
  let turn = 0;
  const bad = stage.httpWorker((seen) => {
    turn += 1;
    if (turn % 3 === 0) answerJson(seen.body)(seen);
    else if (turn % 3 === 1) seen.socket.destroy();
    else seen.socket.resetAndDestroy();
  });
  const workers = await Promise.all([...good, bad]);
  const asked = await Promise.all(
    numbers(1500).map((i) => stage.task({ i }, { timeout_ms: 20_000 })),
  );
  expect(asked.map(({ text }) => text)).toEqual(numbers(1500).map((i) => `{"payload":{"i":${i}}}`));
  // What failed was tried again, and nothing else was.
  const tries = asked.reduce((sum, { headers }) => sum + Number(headers['x-task-attempts']), 0);
  expect(workers.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(tries);
  expect(new Set(asked.map(({ headers }) => headers['x-task-id'])).size).toBe(1500);
  expect(tries).toBeGreaterThan(1500);
  await stage.quiet();
});
