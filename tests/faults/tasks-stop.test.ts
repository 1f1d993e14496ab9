import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { answerJson, Stage } from '../support/tasks.ts';

setDefaultTimeout(30_000);

const stage = new Stage();

afterEach(() => stage.stop());

/** SIGTERM, and the moment from which on it takes no new task. */
async function stopping(): Promise<void> {
  stage.server.signal('SIGTERM');
  await until('it to stop', async () => (await stage.get('/ready')).status === 503);
}

test('tasks in flight when the server stops get their answers, new ones are refused', async () => {
  await stage.start();
  const http = await stage.httpWorker(() => {});
  const socket = await stage.socketWorker({ region: 'other' });
  const asked = [stage.begin(), stage.begin(1, { region: 'other' })];
  await http.request();
  const { task_id } = await socket.next(({ type }) => type === 'task');
  await stopping();
  const refused = await stage.task();
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  expect(refused.json).toEqual({
    error: 'The server is stopping.',
    task_id: refused.headers['x-task-id'],
  });
  answerJson('"to the end"')(http.seen[0]!);
  socket.say({ type: 'task_response', payload: { task_id, response: 'here too' } });
  for (const caller of asked) await caller.over();
  expect(asked.map(({ text, isWhole }) => [text, isWhole])).toEqual([
    ['"to the end"', true],
    ['"here too"', true],
  ]);
  expect(await socket.end()).toEqual({ code: 1001, reason: 'going away' });
  expect(await stage.server.process.exited).toBe(0);
});

test('an answer that is under way when the server stops comes whole', async () => {
  await stage.start();
  const worker = await stage.httpWorker(({ socket }) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n'),
  );
  const caller = stage.begin();
  await until('its beginning', () => caller.text === 'first');
  await stopping();
  worker.seen[0]!.socket.write('5\r\n then\r\n');
  await until('more', () => caller.text === 'first then');
  const large = 'x'.repeat(2_000_000);
  worker.seen[0]!.socket.write(`${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`);
  await caller.over();
  expect([caller.isWhole, caller.size]).toEqual([true, 10 + large.length]);
  expect(await stage.server.process.exited).toBe(0);
});

test('a caller that reads its answer slowly gets all of it while the server stops', async () => {
  await stage.start();
  const text = JSON.stringify('z'.repeat(9_000_000));
  const worker = await stage.httpWorker(() => {});
  const caller = stage.begin();
  const { socket } = await worker.request();
  caller.socket.pause();
  await stopping();
  answerJson(text)(worker.seen[0]!);
  await until('much of it to be taken', () => socket.bytesWritten > 2_000_000);
  // A little every few ms: long after the worker is rid of it, the caller still reads.
  caller.socket.on('data', () => {
    caller.socket.pause();
    setTimeout(() => caller.socket.resume(), 5);
  });
  caller.socket.resume();
  await caller.over();
  expect([caller.isWhole, caller.size]).toEqual([true, text.length]);
  expect(await stage.server.process.exited).toBe(0);
});

test('what is left after drain_timeout is refused with 503, and cancelled at its worker', async () => {
  await stage.start({}, 'drain_timeout = "300ms"');
  const http = await stage.httpWorker(() => {});
  const socket = await stage.socketWorker({ region: 'other' });
  const asked = [stage.begin(), stage.begin(1, { region: 'other' })];
  await http.request();
  const { task_id } = await socket.next(({ type }) => type === 'task');
  stage.server.signal('SIGTERM');
  expect(await socket.next()).toEqual({ type: 'cancel', task_id });
  for (const caller of asked) {
    await caller.over();
    expect([caller.status, caller.json.error]).toEqual([503, 'The server is stopping.']);
  }
  await until('the end of its connection', () => http.sockets.size === 0);
  expect(await socket.end()).toEqual({ code: 1001, reason: 'going away' });
  expect(await stage.server.process.exited).toBe(0);
});

test('with the server gone at once (SIGKILL), no caller has half an answer that looks whole', async () => {
  await stage.start();
  await stage.httpWorker(({ socket }) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n'),
  );
  const callers = [1, 2, 3].map(() => stage.begin());
  await until('their beginnings', () => callers.every(({ text }) => text === 'first'));
  await stage.server.stop('SIGKILL');
  for (const caller of callers) {
    await caller.over();
    expect([caller.isWhole, caller.ended]).toEqual([false, true]);
  }
  await stage.start();
});
