import { voidRun } from '../harness/void-run.ts';

const atOnce = 50;

/** A token for each of these users, from the server's own `/auth`. */
export async function tokensOf(port: number, userIds: readonly string[]): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < userIds.length) {
    const some = userIds.slice(tokens.length, tokens.length + atOnce);
    tokens.push(...(await Promise.all(some.map((userId) => tokenOf(port, userId)))));
  }
  return tokens;
}

async function tokenOf(port: number, userId: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/auth`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'auth', userId }),
  });
  const { token } = (await response.json()) as { token?: string };
  return token ?? voidRun(`${userId} got no token: ${response.status}`);
}

export const sessionAuth = (token: string): string =>
  JSON.stringify({ type: 'session_auth', token, protocol: 2 });
