import { setTimeout as sleep } from 'node:timers/promises';
import { harmless } from '../console-bot/terminal.ts';
import { backOff } from '../link.ts';
import { type ConnectionOptions, serveConnection } from './connection.ts';
import { type Account, login, logout } from './token.ts';

export interface SessionOptions extends Omit<ConnectionOptions, 'token'> {
  account: Account;
  /** The connection is gone. */
  onOut: () => void;
  /** Takes one sentence for the user. */
  say: (text: string) => void;
  /** The first wait before a reconnect; it doubles up to 30 times this. */
  backOffMs: number;
}

const replaced = 4410;
const badToken = 4401;
const malformed = 400;

/**
 * Logs in, connects, and stays connected until `signal`. Resolves with undefined then, else with
 * the reason: somebody else took our place, or the server will never let us in.
 */
export async function stayConnected(options: SessionOptions): Promise<string | undefined> {
  const { account, address, signal, say, backOffMs } = options;
  let token: string | undefined;
  let failures = 0;
  let reason: string | undefined;

  while (!signal.aborted && reason === undefined) {
    if (token === undefined) {
      const answer = await login(account, signal);
      if ('token' in answer) token = answer.token;
      else if (answer.isFinal) reason = `no token: ${harmless(answer.problem)}`;
      else await wait(`no token from ${account.auth.origin} (${answer.problem})`, answer.waitMs);
      continue;
    }
    const { code, reason: why, wasIn } = await serveConnection({ ...options, token });
    if (wasIn) {
      failures = 0;
      options.onOut();
    }
    if (signal.aborted) break;
    // Logged out, or forgotten by the server: the next one is a fresh one.
    if (code === badToken) token = undefined;
    if (code === replaced) reason = 'this user connected from somewhere else (4410)';
    else if (code === malformed) reason = harmless(`not let in: ${why} (400)`);
    else await wait(`no connection to ${address.origin} (${`${code} ${why}`.trim()})`);
  }
  // A session that lives on would be one more for which a secret cannot be bound.
  if (token !== undefined) await logout(account, token);
  return reason;

  async function wait(what: string, leastMs = 0): Promise<void> {
    if (signal.aborted) return;
    failures += 1;
    const waitMs = Math.max(leastMs, backOff(failures, backOffMs));
    say(harmless(`${what}; trying again in ${waitMs} ms`));
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}
