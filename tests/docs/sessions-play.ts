import { expect } from 'bun:test';
import type { Frame } from '../support/relay-client.ts';
import { Callers } from './callers.ts';
import { filled, type RealIds, withRealIds } from './examples.ts';
import { fetched, jsonType, runCurl } from './http.ts';
import type { Block } from './markdown.ts';
import { PageClient } from './page-client.ts';
import { type Dialect, expectNoMore, perform, playFrames, type Stage } from './play.ts';

/**
 * What a section of docs/protocol-sessions.md or docs/protocol-players.md does beside frames. `curl …`
 * is run; `somebody sends POST /path` and `receives 200` are a request and its answer. `token-of-alice`
 * is a token of the user alice, asked for when it is first spoken of; `each comes in` sends the first
 * message of many players and takes what they and those who are there are told of that. `hex` blocks
 * are binary frames, `text` blocks are texts that are no JSON.
 */
export class SessionsPlay {
  private readonly ids: RealIds = new Map();
  private readonly callers = new Callers(this.ids);
  private readonly tokens = new Map<string, string>();
  private readonly dialect: Dialect;

  /** `path`: where sockets of the page connect unless it says otherwise. */
  constructor(path: '/auth' | '/player') {
    this.dialect = {
      connect: (port, _who, at = path) => PageClient.open(`ws://127.0.0.1:${port}${at}`),
      outgoing: (text) => this.withTokens(text),
      expected: (documented, got) => filled(documented, got, this.ids) as Frame,
      // Today's plugin gets a list whenever somebody comes or goes.
      isNoise: (who, { type }) => who.startsWith('plugin') && type === 'user_list_update',
    };
  }

  async perform(blocks: readonly Block[]): Promise<void> {
    // At a stop, those who are closed last are told of the others.
    const isNoise = (who: string, frame: Frame) =>
      frame.type === 'user_left' || this.dialect.isNoise!(who, frame);
    await perform(blocks, (block, stage) => this.act(block, stage), isNoise);
    expect(this.callers.unheard).toEqual([]);
  }

  private async act(block: Block, stage: Stage): Promise<void> {
    const { language, caption, text } = block;
    const { http, port } = stage.server;
    if (language === 'toml') return;
    for (const [, name] of text.matchAll(/token-of-(\w+)/g)) await this.getToken(name!, http);
    if (language === 'sh')
      return this.callers.ask('curl', runCurl(text.replace(/localhost:\d+/, `127.0.0.1:${port}`)));
    if (caption === 'each comes in') return this.comeIn(JSON.parse(text), stage);
    const [, leaver] = /^(.+) closes$/.exec(caption) ?? [];
    if (leaver !== undefined) return this.close(leaver, JSON.parse(text), stage);
    if (language === 'hex' || language === 'text') return this.exchange(block, stage);
    const [, who, path, status] =
      /^(.+?) (?:sends POST (\/\S+)|receives(?: (\d{3}))?)$/.exec(caption) ?? [];
    if (path !== undefined) {
      const order = { method: 'POST', headers: jsonType, body: this.withTokens(text) };
      return this.callers.ask(who!, fetched({ ...order, url: http + path }));
    }
    if (status !== undefined || language === 'http')
      return this.callers.expectAnswer(who!, block, status);
    return playFrames(block, stage, this.dialect);
  }

  private withTokens(text: string): string {
    return withRealIds(text, this.ids).replace(/token-of-(\w+)/g, (_, name) =>
      this.tokens.get(name)!,
    );
  }

  private async getToken(userId: string, http: string): Promise<void> {
    if (this.tokens.has(userId)) return;
    const body = JSON.stringify({ type: 'auth', userId });
    const answer = await fetched({ method: 'POST', url: `${http}/auth`, headers: jsonType, body });
    this.tokens.set(userId, JSON.parse(answer.body).token);
  }

  private async close(who: string, { code, reason }: Frame, { cast }: Stage): Promise<void> {
    const client = cast.get(who) as PageClient;
    await client.close(code, reason);
    // Whoever has this name from now on is another connection.
    cast.delete(who);
    await expectNoMore(who, client, this.dialect.isNoise);
  }

  /** A frame that is no JSON: a text as it is, or bytes as hex, of which spaces are no part. */
  private async exchange({ language, caption, text }: Block, { cast }: Stage): Promise<void> {
    const [, who, does] = /^(.+) (sends|receives)$/.exec(caption)!;
    const client = cast.get(who!) as PageClient;
    const isHex = language === 'hex';
    const shown = isHex ? text.replace(/\s/g, '') : text.trimEnd();
    if (does === 'sends')
      return client.say(isHex ? Uint8Array.fromHex(withRealIds(shown, this.ids)) : shown);
    const got: unknown = await client.next((one) => !this.dialect.isNoise!(who!, one));
    if (!isHex) return expect(got).toBe(shown);
    const came = (got as Uint8Array).toHex();
    expect(split(came)).toEqual(filled(split(shown), split(came), this.ids) as string[]);
  }

  private async comeIn(auths: readonly Frame[], { server, cast }: Stage): Promise<void> {
    for (const auth of auths) {
      const userId = auth.token.replace('token-of-', '');
      const client = await this.dialect.connect(server.port, userId, undefined);
      client.say(this.withTokens(JSON.stringify(auth)));
      const got = [await client.next(), await client.next(), await client.next()];
      expect(got.map(({ type, success }) => [type, success])).toEqual([
        ['session_auth_result', true],
        ['connection_info', undefined],
        ['user_list_update', undefined],
      ]);
      for (const [name, other] of cast) {
        if (name.startsWith('plugin')) continue;
        const { token, protocol, type, ...names } = auth;
        expect(await other.next()).toEqual({ type: 'user_joined', userId, ...names });
      }
      cast.set(userId, client);
    }
  }
}

/** The id of a transfer, and what is behind it. */
function split(hex: string): string[] {
  return [hex.slice(0, 32), hex.slice(32)];
}
