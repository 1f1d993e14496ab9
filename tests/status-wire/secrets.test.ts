import { afterEach, expect, test } from 'bun:test';
import { HttpClient, type Request } from '../support/http.ts';
import { Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { modMessage } from '../support/relay-client.ts';
import { LiveClient } from '../support/sse.ts';

const keys = {
  relay: 'relay-key-aB3dE5fG7h',
  mods: 'mods-key-jK9mN2pQ4r',
  reader: 'reader-key-sT6uV8wX1y',
  operator: 'operator-key-zA3bC5dE7f',
  worker: 'worker-token-gH9jK2mN4p',
  task: 'task-key-qR6sT8uV1w',
};
const userSecret = 'user-secret-xY3zA5bC7d';

const toml = `
[server]
log_level = "debug"
id_length_max = 64
[gateway]
websocket = "${keys.relay}"
[[gateway.keys]]
name = "mods"
key = "${keys.mods}"
role = "mod"
[[api.keys]]
name = "reader"
key = "${keys.reader}"
role = "read"
[[api.keys]]
name = "operator"
key = "${keys.operator}"
role = "admin"
`;

let server: Moonstead | undefined;
const guests: { destroy(): void }[] = [];
afterEach(async () => {
  for (const guest of guests.splice(0)) guest.destroy();
  await server?.stop('SIGKILL').catch(() => {});
  server = undefined;
});

function guest<T extends { destroy(): void }>(one: T): T {
  guests.push(one);
  return one;
}

const json = { 'Content-Type': 'application/json' };

test('no endpoint of any kind gives away a key, a token, a secret or a folder', async () => {
  server = await Moonstead.start({ toml, mls: { tokens: [keys.worker], task_keys: [keys.task] } });
  const { port, folder } = server;
  const got: string[] = [];
  const ask = async (request: Request) => {
    const answer = await guest(HttpClient.ask(port, request)).over();
    got.push(answer.head, answer.text);
    return answer;
  };
  const post = (path: string, body: unknown, headers: Request['headers'] = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return ask({ method: 'POST', path, body: text, headers: { ...json, ...headers } });
  };
  const live = await LiveClient.open(port, '/live', { 'X-API-Key': keys.reader });
  guest(live.http);

  // Sessions: the only ones that may name a token, and they name it once.
  const tokens: string[] = [];
  for (const [userId, secret] of [['ada'], ['bob', userSecret], ['bob', userSecret]] as const) {
    const answer = await post('/auth', { type: 'auth', userId, secret });
    expect(answer.status).toBe(200);
    got.splice(-1, 1, answer.text.replace(answer.json.token, ''));
    tokens.push(answer.json.token);
  }
  for (const secret of ['wrong-secret-of-bob', `${userSecret}!`, undefined])
    expect((await post('/auth', { type: 'auth', userId: 'bob', secret })).status).toBe(401);
  const [ada, bob] = tokens as [string, string];
  for (const type of ['validate', 'refresh', 'logout'])
    expect((await post('/auth', { type, token: tokens[2] })).status).toBe(200);
  await post('/auth', { type: 'validate', token: `${ada}x` });
  await post('/auth', `{"type":"auth","userId":"bob","secret":"${userSecret}"`);
  await post('/auth', { type: 'auth', userId: 5, secret: userSecret, token: ada });

  // The sockets of players, mods, the bot and workers.
  const player = guest(await RawClient.open(port, { path: '/player' }));
  player.say({ type: 'session_auth', token: ada, protocol: 2 });
  await player.next(({ type }) => type === 'user_list_update');
  const stranger = guest(await RawClient.open(port, { path: '/player' }));
  stranger.say({ type: 'session_auth', token: `${bob}x`, protocol: 2 });
  await stranger.end();
  player.say({ type: 'nonsense', token: bob }, `{"token":"${bob}"`, { type: 'message' });
  const mod = guest(await RawClient.mod(port, { key: keys.mods }, 'srv', '100'));
  const bot = guest(await RawClient.bot(port, { key: keys.relay }));
  mod.say(modMessage('m', 'hello'), '{"type"', modMessage('n', 'hello', { id: keys.mods + 1 }));
  await bot.next(({ msg_id: id }) => id === 'm');
  for (const key of ['wrong-relay-key', `${keys.relay}x`])
    got.push((await RawClient.ask(port, { key, path: `/sync?api_key=${key}` })).body);
  const refusedBot = guest(await RawClient.open(port, { key: keys.mods }));
  refusedBot.say({ type: 'bot', data: { bot_id: 'other' } });
  await refusedBot.end();
  const worker = guest(await RawClient.open(port, { path: '/ws' }));
  worker.say({ type: 'register', payload: { token: keys.worker, region: 'usa' } });
  await worker.next(({ type }) => type === 'registered');
  const badWorker = guest(await RawClient.open(port, { path: '/ws' }));
  badWorker.say({ type: 'register', payload: { token: `${keys.worker}x`, region: 'usa' } });
  await badWorker.end();
  const beat = { token: keys.worker, region: 'usa', port: 9 };
  expect((await post('/client/heartbeat', beat)).status).toBe(200);
  await post('/client/heartbeat', { ...beat, token: `${keys.worker}x` });
  await post('/client/heartbeat', { ...beat, port: keys.worker });
  for (const key of [keys.task, `${keys.task}x`])
    await post('/task/request', { payload: 1, timeout_ms: 100 }, { 'X-API-Key': key });

  // Everything that can be read, and what operators do, with every kind of key and none.
  const paths = [
    '/',
    '/status',
    '/clients',
    '/region',
    '/health',
    '/ready',
    '/nothing',
    '/swagger',
  ];
  const read = ['/stats', '/logs', '/events/recent', '/metrics', '/uptime', '/version', '/ping'];
  const lists = ['/sessions', '/players', '/players/count', '/relay', '/workers', '/tasks'];
  paths.push('/swagger/json', '/server_info', ...read, ...lists);
  paths.push(...[...read, ...lists].map((path) => `/api${path}`));
  for (const path of paths)
    for (const key of [keys.operator, keys.reader, `${keys.reader}x`, undefined])
      await ask({ path, headers: { 'X-API-Key': key } });
  for (const path of ['/logs?limit=1000', `/logs?api_key=${keys.reader}`, '/stats?limit=x'])
    await ask({ path, headers: { Authorization: `Bearer ${keys.reader}` } });
  for (const key of [keys.reader, `${keys.operator}x`, keys.operator]) {
    const headers = { 'X-API-Key': key };
    await post('/broadcast', { message: 'hello' }, headers);
    await post('/broadcast', '{"message"', headers);
    await post('/players/ada/disconnect', {}, headers);
    for (const path of ['/sessions/none', '/relay/100/queue', '/users/bob/secret'])
      await ask({ method: 'DELETE', path, headers });
  }
  const refused = ({ data }: { data: any }) =>
    data.part === 'status' && data.event === 'key_refused';
  await live.next('a refused key', refused);

  const clients = [player, stranger, mod, bot, refusedBot, worker, badWorker];
  for (const one of clients) got.push(...one.texts, JSON.stringify(one.closed));
  got.push(live.http.text);
  expect(await server.stop()).toBe(0);
  const all = [...got, server.output].join('\n');
  expect(all.length).toBeGreaterThan(10_000);
  const hidden = [...Object.values(keys), userSecret, ...tokens, folder, import.meta.dir];
  for (const one of hidden) expect(all).not.toContain(one);
}, 30_000);

test.skipIf(process.env.MOONSTEAD_BINARY !== undefined)(
  'the end of a server out of which a secret came fails, and says what came where',
  async () => {
    server = await Moonstead.start({ toml });
    const bot = guest(await RawClient.bot(server.port, { key: keys.relay }));
    const mod = guest(await RawClient.mod(server.port, { key: keys.mods }));
    // Here it is what the mod says, but who looks cannot know.
    mod.say(modMessage('m', `look: ${keys.operator}`));
    await bot.next(({ msg_id: id }) => id === 'm');
    await expect(server.stop()).rejects.toThrow('API key operator in a frame of');
  },
);

test('a secret in the log fails the end of a server, too', async () => {
  server = await Moonstead.start({ toml });
  guest(await RawClient.mod(server.port, { key: keys.mods }, keys.operator));
  await until('the line', () => server!.output.includes(keys.operator));
  await expect(server.stop()).rejects.toThrow('API key operator in the line');
});

test('who asks for it starts a server that is not looked at', async () => {
  server = await Moonstead.start({ toml, scan: false });
  guest(await RawClient.mod(server.port, { key: keys.mods }, keys.operator));
  await until('the line', () => server!.output.includes(keys.operator));
  expect(await server.stop()).toBe(0);
});
