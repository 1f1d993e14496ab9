import { afterEach, expect, test } from 'bun:test';
import { HttpWorker } from '../support/http-worker.ts';
import { Moonstead } from '../support/moonstead.ts';
import { LiveClient } from '../support/sse.ts';

/** What a stop makes of the live feed; its drain would wait for ten minutes. */
let server: Moonstead;
const guests: (() => void)[] = [];
afterEach(async () => {
  for (const leave of guests.splice(0)) leave();
  const code = await server.stop();
  expect([code, server.events.filter(({ level }) => level === 'error')]).toEqual([0, []]);
});

const start = async () => {
  server = await Moonstead.start({ toml: '[server]\ndrain_timeout = "10m"' });
};

async function live(path = '/live'): Promise<LiveClient> {
  const client = await LiveClient.open(server.port, path);
  guests.push(() => client.close());
  return client;
}

function post(path: string, body: object): Promise<Response> {
  return fetch(`${server.http}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

test('a stop ends every stream in good order and is not held up by any', async () => {
  await start();
  const all = [await live(), await live('/api/live?topics=stats'), await live('/live?topics=task')];
  expect((await post('/auth', { type: 'auth', userId: 'ada' })).status).toBe(200);
  await all[0]!.next('the session', ({ data }) => data.event === 'session_begun');
  expect(await server.stop()).toBe(0);
  for (const { http } of all) {
    await http.over();
    expect(http.isWhole).toBeTrue();
  }
});

test('a reader that comes during a stop is greeted and sent away, and does not hold it up', async () => {
  await start();
  const worker = await HttpWorker.start(() => {});
  guests.push(() => worker.close());
  const beat = { node_id: 'n', region: 'usa', port: worker.port, token: 'supersecrettokenox0' };
  expect((await post('/client/heartbeat', beat)).status).toBe(200);
  const early = await live();
  const task = post('/task/request', { payload: 'x', timeout_ms: 60_000 });
  const { socket } = await worker.request();
  server.signal('SIGTERM');
  await early.http.over();
  for (const path of ['/live', '/api/live?topics=stats', '/live?topics=player']) {
    const { http } = await live(path);
    await http.over();
    expect([http.status, http.isWhole, http.text]).toEqual([
      200,
      true,
      expect.stringMatching(/^: moonstead\nretry: 2000\nid: [0-9a-z]+-\d+\n\n/),
    ]);
  }
  expect(server.process.exitCode).toBeNull();
  socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
  expect((await task).status).toBe(200);
  expect(await server.stop()).toBe(0);
});
