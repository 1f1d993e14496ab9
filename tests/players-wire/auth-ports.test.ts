import { afterEach, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { program, temporaryFolder, until } from '../support/moonstead.ts';
import { RelayClient } from '../support/relay-client.ts';

const leaving: (() => unknown)[] = [];
afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave();
});

/** The whole program by its environment alone; the URL of each part, and of each line it printed. */
async function start(env: Record<string, string>) {
  const folder = temporaryFolder();
  leaving.push(() => rmSync(folder, { recursive: true, force: true }));
  const child = Bun.spawn([...program, 'start', '--data-dir', join(folder, 'data')], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  leaving.push(async () => {
    child.kill('SIGTERM');
    expect(await child.exited).toBe(0);
  });
  let output = '';
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) output += decoder.decode(bytes, { stream: true });
  })();
  await until('the start', () => output.includes('"event":"started"'));
  const urls: Record<string, string> = {};
  for (const [, parts, url] of output.matchAll(/^([a-z ]+) (http:\S+)$/gm))
    for (const part of parts!.split(' ')) urls[part] = url!;
  return urls;
}

const apart = {
  MOONSTEAD_GATEWAY_HTTP_PORT: '0',
  MOONSTEAD_MLS_PORT: '0',
  MOONSTEAD_PLAYERS_PORT: '0',
  MOONSTEAD_API_PORT: '0',
};

test('each part may have a listener of its own, and the players ask the sessions all the same', async () => {
  const urls = await start({ ...apart, MOONSTEAD_AUTH_PORT: '0' });
  expect(new Set([urls.relay, urls.tasks, urls.sessions, urls.players]).size).toBe(4);
  const response = await fetch(`${urls.sessions}/sessions?userId=${encodeURIComponent('Ada 🌙')}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const answer = (await response.json()) as { token: string };
  expect(answer).toEqual({ token: expect.stringMatching(/^[\w-]{43}$/) });
  const player = await RelayClient.open(`${urls.players!.replace('http', 'ws')}/player`);
  player.say({ type: 'session_auth', token: answer.token });
  expect(await player.next()).toMatchObject({ success: true, userId: 'Ada 🌙' });
  await player.close();
  for (const [part, path] of [
    ['players', '/auth'],
    ['players', '/sessions?userId=a'],
    ['sessions', '/player'],
    ['relay', '/auth'],
  ]) {
    const { status } = await fetch(`${urls[part!]}${path}`);
    expect([part, path, status]).toEqual([part, path, 404]);
  }
});

test('GET /sessions without a good userId is 400', async () => {
  const { sessions } = await start({ ...apart, MOONSTEAD_AUTH_PORT: '0' });
  for (const query of ['', '?userId=', '?userId=%20', `?userId=${'x'.repeat(65)}`, '?user=a']) {
    const response = await fetch(`${sessions}/sessions${query}`);
    expect([query, response.status]).toEqual([query, 400]);
    expect(await response.json()).toMatchObject({ success: false });
  }
});

test('GET /sessions makes no session for a page of others', async () => {
  const { sessions } = await start({ ...apart, MOONSTEAD_AUTH_PORT: '0' });
  const status = async (headers: Record<string, string>, method = 'GET') =>
    (await fetch(`${sessions}/sessions?userId=a`, { headers, method })).status;
  const foreign: Record<string, string>[] = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
    // Of an image or a link, which come without an origin.
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
  ];
  for (const headers of foreign)
    for (const method of ['GET', 'HEAD'])
      expect([headers, await status(headers, method)]).toEqual([headers, 403]);
  const refused = await fetch(`${sessions}/sessions?userId=a`, { headers: foreign[0]! });
  expect(await refused.json()).toEqual({
    success: false,
    message: 'Pages of others may not make sessions (server.allowed_origins).',
  });
  const own: Record<string, string>[] = [
    {},
    { Origin: sessions! },
    { 'Sec-Fetch-Site': 'same-origin' },
    { 'Sec-Fetch-Site': 'none' },
  ];
  for (const headers of own) expect([headers, await status(headers)]).toEqual([headers, 200]);
});

/** A free one: a listener of ours has just given it back. */
function freePort(): string {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  listener.stop(true);
  return String(listener.port);
}

test('GET /sessions gives no token where the status API has the same port: it is its list', async () => {
  const port = freePort();
  const beside = { MOONSTEAD_AUTH_PORT: port, MOONSTEAD_API_PORT: port };
  const { sessions } = await start({ ...apart, ...beside });
  expect(sessions).toEndWith(`:${port}`);
  const listed = await fetch(`${sessions}/sessions?userId=a`);
  expect(await listed.json()).toEqual({ items: [], next: null });
  const granted = await fetch(`${sessions}/auth`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"type":"auth","userId":"a"}',
  });
  expect(granted.status).toBe(200);
});

test('without auth.port the sessions are beside the tasks', async () => {
  const urls = await start({ ...apart, MOONSTEAD_MLS_PORT: freePort() });
  expect(urls.sessions).toBe(urls.tasks);
  expect((await fetch(`${urls.sessions}/sessions?userId=a`)).status).toBe(200);
});
