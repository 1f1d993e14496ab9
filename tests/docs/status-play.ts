import { expect } from 'bun:test';
import { type Moonstead, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import type { Frame } from '../support/relay-client.ts';
import { LiveClient } from '../support/sse.ts';
import { filled, type RealIds } from './examples.ts';
import {
  fetched,
  type HttpText,
  jsonType,
  orderOf,
  parsed,
  runCurl,
  withoutLastLineEnd,
} from './http.ts';
import type { Block } from './markdown.ts';
import { PageClient } from './page-client.ts';
import { type Dialect, perform, playFrames, type Stage } from './play.ts';
import { eventsIn, filledHere, partOf } from './status-examples.ts';

/**
 * What a section of docs/protocol-status.md does. `curl …` is run, but one that somebody opens (`reader
 * opens`) is a live feed, of which `sse` blocks show the next events, and its greeting with a place; a
 * `js` block is a program that is
 * run, of which `text` blocks show what it prints. `in part`: there is more than the block shows.
 * `players come in` authenticates them. `mod …` and `bot …` are connected to the relay, all others to
 * the players.
 */
export class StatusPlay {
  private readonly ids: RealIds = new Map();
  /** Those that the page has yet to show. */
  private readonly answers: HttpText[] = [];
  private readonly readers = new Map<string, { client: LiveClient; shown: number }>();
  private readonly programs = new Map<string, Program>();

  private readonly dialect: Dialect = {
    connect: (port, who) =>
      /^(?:mod|bot)\b/.test(who)
        ? RawClient.open(port, { key: 'gateway' })
        : PageClient.open(`ws://127.0.0.1:${port}/player`),
    outgoing: (text) => text,
    expected: (documented, got) => this.expected(documented, got) as Frame,
    isNoise: (_who, { type }) => /^user_(?:joined|left|list_update)$/.test(type),
  };

  async perform(blocks: readonly Block[]): Promise<void> {
    let left = blocks.length;
    try {
      await perform(
        blocks,
        async (block, stage) => {
          await this.act(block, stage);
          left -= 1;
          if (left === 0) this.expectAllShown();
        },
        this.dialect.isNoise,
      );
    } finally {
      for (const { client } of this.readers.values()) client.close();
      for (const program of this.programs.values()) program.end();
    }
  }

  private async act(block: Block, stage: Stage): Promise<void> {
    const { language, caption, text } = block;
    const { server } = stage;
    if (language === 'toml') return;
    if (language === 'js') return this.run(caption, text, server);
    if (language === 'sh') {
      const command = this.withRealIds(text.replace(/localhost:\d+/, `127.0.0.1:${server.port}`));
      const [, opener] = /^(.+) opens$/.exec(caption) ?? [];
      if (opener !== undefined) return this.open(opener, command, server);
      return void this.answers.push(await runCurl(command));
    }
    if (caption === 'players come in') return this.comeIn(JSON.parse(text), stage);
    const [, who, does, status, part] =
      /^(.+?) (receives|prints)(?: (\d{3}))?(, in part)?$/.exec(caption) ?? [];
    if (does === 'prints') return this.programs.get(who!)!.expectPrinted(text);
    if (language === 'sse') return this.expectEvents(who!, text, part !== undefined);
    if (who === 'curl') return this.expectAnswer(block, status, part !== undefined);
    return playFrames(block, stage, this.dialect);
  }

  private expectAnswer({ language, text }: Block, status: string | undefined, inPart: boolean) {
    const got = this.answers.shift()!;
    if (language === 'http') {
      const documented = withoutLastLineEnd(parsed(text));
      return expect(got).toEqual(filled(documented, got, this.ids) as HttpText);
    }
    expect([got.line.split(' ')[1], got.body.length > 0]).toEqual([status, true]);
    if (language === 'text') {
      const lines = text.trimEnd().split('\n');
      return expect(lines.filter((line) => !got.body.split('\n').includes(line))).toEqual([]);
    }
    const [documented, value] = [JSON.parse(text), JSON.parse(got.body)];
    const shown = inPart ? partOf(documented, value) : value;
    expect(shown).toEqual(this.expected(documented, shown));
  }

  private async open(who: string, command: string, { port }: Moonstead): Promise<void> {
    const { url, headers } = orderOf(command.replace(' -N', ''));
    const { pathname, search } = new URL(url);
    const client = await LiveClient.open(port, pathname + search, headers);
    this.readers.set(who, { client, shown: 0 });
  }

  private async expectEvents(who: string, text: string, inPart: boolean): Promise<void> {
    const reader = this.readers.get(who)!;
    const { client } = reader;
    const { events, comments, retry } = eventsIn(text);
    for (const documented of events) {
      const got = await until('an event', () => {
        client.take();
        return client.events[reader.shown];
      });
      reader.shown += 1;
      const shown = inPart ? { ...got, data: partOf(documented.data, got.data) } : got;
      expect(shown as object).toEqual(this.expected(documented, shown) as object);
    }
    await until(`the comments ${comments}`, () => {
      client.take();
      return comments.every((comment) => client.comments.includes(comment));
    });
    if (retry !== undefined) expect(client.retry).toBe(retry);
    const [, place] = /^retry: .*\nid: (.+)$/m.exec(text) ?? [];
    if (place === undefined) return;
    const greeted = { id: client.places[0] };
    expect(greeted as object).toEqual(this.expected({ id: place }, greeted) as object);
  }

  private async run(who: string, text: string, { port }: Moonstead): Promise<void> {
    const program = new Program(text.replace(/localhost:\d+/, `127.0.0.1:${port}`));
    this.programs.set(who, program);
    await program.begun();
  }

  private async comeIn(names: readonly string[], { server, cast }: Stage): Promise<void> {
    for (const userId of names) {
      const body = JSON.stringify({ type: 'auth', userId });
      const order = { method: 'POST', headers: jsonType, body };
      const answer = await fetched({ ...order, url: `${server.http}/auth` });
      const client = await this.dialect.connect(server.port, userId, undefined);
      const { token } = JSON.parse(answer.body);
      client.say(JSON.stringify({ type: 'session_auth', token, protocol: 2 }));
      expect(await client.next()).toMatchObject({ type: 'session_auth_result', success: true });
      expect(await client.next()).toMatchObject({ type: 'connection_info' });
      cast.set(userId, client);
    }
  }

  private expected(documented: unknown, got: unknown): unknown {
    return filled(filledHere(documented, got, this.ids), got, this.ids);
  }

  private withRealIds(text: string): string {
    return [...this.ids].reduce((all, [page, real]) => all.replaceAll(page, real), text);
  }

  private expectAllShown(): void {
    expect(this.answers).toEqual([]);
    for (const [who, { client, shown }] of this.readers) {
      client.take();
      // Numbers come again and again.
      const more = client.events.slice(shown).filter(({ event }) => event !== 'stats');
      expect([who, more]).toEqual([who, []]);
    }
  }
}

/** A program of the page in a process of its own. */
class Program {
  private readonly process;
  private printed = '';

  constructor(code: string) {
    this.process = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', stderr: 'pipe' });
    void this.collect();
  }

  /** It prints something once it is where it wants to be. */
  async begun(): Promise<void> {
    await until('the program to print something', async () => {
      if (this.process.exitCode === null) return this.printed;
      throw new Error(await new Response(this.process.stderr).text());
    });
  }

  async expectPrinted(text: string): Promise<void> {
    await until('what it prints', () => this.printed.length >= text.length);
    expect(this.printed).toBe(text);
  }

  end(): void {
    this.process.kill();
  }

  private async collect(): Promise<void> {
    for await (const part of this.process.stdout) this.printed += Buffer.from(part).toString();
  }
}
