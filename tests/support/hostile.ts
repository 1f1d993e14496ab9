import { expect } from 'bun:test';
import { Moonstead } from './moonstead.ts';
import { RawClient } from './raw.ts';
import { modMessage, stillServes } from './relay-client.ts';

/** The key of the server under attack, and words of chat: neither may come into a log. */
export const key = 'k3y-that-no-log-may-hold';
export const chat = 'ch4t-that-no-log-may-hold';

/** A valid message of a mod. */
export const said = JSON.stringify(modMessage('m', chat));

/** A server with that key and further settings of `[gateway]` and `[server]`; it logs all there is. */
export function startHardened(gateway = '', server = ''): Promise<Moonstead> {
  const toml = `[server]\nlog_level = "debug"\n${server}\n[gateway]\nwebsocket = "${key}"\n${gateway}`;
  // The other parts of the listener take no larger frames than the relay's 2 MB.
  const env = { MOONSTEAD_MLS_ANSWER_MB: '1', MOONSTEAD_PLAYERS_FILES_LEGACY_MB: '1' };
  return Moonstead.start({ toml, env });
}

/** Fails unless it still does its work and its log has neither keys nor chat nor errors. */
export async function unharmed(server: Moonstead): Promise<void> {
  await stillServes(server.sync(key));
  expect(server.output).not.toContain(key);
  expect(server.output).not.toContain(chat);
  expect(server.events.filter(({ level }) => level === 'error')).toEqual([]);
}

/** Raw clients of one test, so that none outlives it. */
export class Visitors {
  private readonly all: RawClient[] = [];

  async add(client: Promise<RawClient>): Promise<RawClient> {
    const one = await client;
    this.all.push(one);
    return one;
  }

  leave(): void {
    for (const one of this.all.splice(0)) if (!one.ended) one.destroy();
  }
}
