import { HttpClient, type Request } from '../support/http.ts';
import { Moonstead } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';

export const readKey = 'a-long-key-that-may-read-and-nothing-else';
export const adminKey = 'a-long-key-of-somebody-who-may-do-all';

const keys = [
  { name: 'bot', key: readKey, role: 'read' },
  { name: 'boss', key: adminKey, role: 'admin' },
];

/** A server with keys for its status API, and players to come. */
export async function gameWithKeys(toml = '', folder?: string): Promise<Game> {
  const game = new Game();
  game.server = await Moonstead.start({
    toml: `[server]\nlog_level = "debug"\n${toml}`,
    env: { MOONSTEAD_API_KEYS: JSON.stringify(keys) },
    ...(folder !== undefined && { folder }),
  });
  return game;
}

/** A request with the path's bytes as they are, and its answer. */
export async function ask(game: Game, path: string, request: Request = {}) {
  const { port } = game.server;
  const headers = { 'X-API-Key': adminKey, ...request.headers };
  const client = await HttpClient.ask(port, { ...request, path, headers }).over();
  return { status: client.status, headers: client.headers, body: client.json };
}

/** What an operator does: the status, and what was answered. */
export async function act(
  game: Game,
  method: string,
  path: string,
  body?: unknown,
  key = adminKey,
) {
  const headers = {
    'X-API-Key': key,
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
  };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await ask(game, path, {
    method,
    headers,
    ...(text !== undefined && { body: text }),
  });
  return [answer.status, answer.body.error?.code ?? answer.body];
}

/** All entries of a list, in pages of `limit`, with what happens between them. */
export async function allOf(
  game: Game,
  path: string,
  limit: number,
  between: (page: number) => Promise<unknown> = async () => {},
): Promise<any[]> {
  const items: any[] = [];
  let cursor: string | null = null;
  for (let page = 0; ; page++) {
    const more: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { body } = await ask(game, `${path}?limit=${limit}${more}`);
    items.push(...body.items);
    cursor = body.next;
    if (cursor === null) return items;
    await between(page);
  }
}

/** The value of a metric, as Prometheus reads it. */
export async function metric(game: Game, name: string): Promise<number> {
  const answer = await fetch(`${game.server.http}/metrics`, {
    headers: { 'X-API-Key': readKey },
  });
  const line = (await answer.text()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** Userids that a path cannot hold as they are. */
export const oddNames = [
  'a/b',
  'two words',
  'ümlaut ✓ 🌙',
  '50% off',
  'a%2Fb',
  '..',
  '?q=1#x',
  'a+b',
];
