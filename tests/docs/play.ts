import { expect } from 'bun:test';
import { Moonstead } from '../support/moonstead.ts';
import { RawClient, upgrade } from '../support/raw.ts';
import type { Frame } from '../support/relay-client.ts';
import { type Block, sectionsOf } from './markdown.ts';

/** A WebSocket client, as pages need it. */
export type Client = Pick<RawClient, 'texts' | 'next' | 'end' | 'destroy'> & {
  say(text: string): void;
};

/** A section of a page on its own fresh server. */
export interface Stage {
  server: Moonstead;
  /** WebSocket clients by the names that the page gives them. */
  cast: Map<string, Client>;
}

/** How the WebSocket clients of a page connect and are understood. */
export interface Dialect {
  /** `by`: the key, or the path, that the block names. */
  connect(port: number, who: string, by: string | undefined): Promise<Client>;
  /** The page's frame as the client sends it. */
  outgoing(text: string): string;
  /** The page's JSON as it has to be, given what came: ids and times differ. */
  expected(documented: Frame, got: Frame): Frame;
  /** What may come at any time, whether a block shows it or not. */
  isNoise?(who: string, frame: Frame): boolean;
}

/** The sections of a page that show something, as `test.each` wants them. */
export function shownSections(page: string): (readonly [title: string, blocks: Block[]])[] {
  return sectionsOf(page)
    .filter(({ blocks }) => blocks.some(({ language }) => language === 'json'))
    .map(({ title, blocks }) => [title, blocks] as const);
}

/** Plays a section on a fresh server; frames that it does not show must not come. */
export async function perform(
  blocks: readonly Block[],
  act: (block: Block, stage: Stage) => Promise<void>,
  isNoise: (who: string, frame: Frame) => boolean = () => false,
): Promise<void> {
  const settings = (name: string) => blocks.find(({ caption }) => caption === name)?.text;
  const server = await Moonstead.start({ toml: settings('settings'), mls: settings('mls.json') });
  const stage: Stage = { server, cast: new Map() };
  try {
    for (const block of blocks) await act(block, stage);
    await server.stop();
    for (const [name, client] of stage.cast) await expectNoMore(name, client, isNoise);
  } finally {
    await server.stop('SIGKILL');
    for (const client of stage.cast.values()) client.destroy();
  }
}

/**
 * What is the same on every page: `GET /path 200`, `upgrade /path 401`, `somebody sends` (with a
 * key, at a path), `receives`, `is closed` (by a signal). Who is not there connects.
 */
export async function playFrames(block: Block, stage: Stage, dialect: Dialect): Promise<void> {
  const { caption, text } = block;
  const { server, cast } = stage;
  const [, how, path, status] = /^(GET|upgrade) (\S+) (\d{3})$/.exec(caption) ?? [];
  if (status !== undefined) {
    const answer = await (how === 'GET' ? get : tryUpgrade)(server, path!);
    const body = dialect.expected(JSON.parse(text), answer.body);
    return expect(answer).toEqual({ status: Number(status), body });
  }
  const words =
    /^(?<who>[\w -]+?) (?<does>sends|receives|is closed)(?: (?:with|by|at) (?<by>\S+))?$/;
  const { who, does, by } = words.exec(caption)?.groups ?? {};
  if (who === undefined) throw new Error(`nobody knows what to do with "${caption}"`);
  const client = cast.get(who) ?? (await dialect.connect(server.port, who, by));
  cast.set(who, client);
  if (does === 'sends') return client.say(dialect.outgoing(text));
  const documented: Frame = JSON.parse(text);
  if (does === 'receives') {
    const isNoise = (one: Frame) =>
      (dialect.isNoise?.(who, one) ?? false) && !Bun.deepEquals(one, documented);
    const got = await client.next((one) => !isNoise(one));
    expect(got).toEqual(dialect.expected(documented, got));
    const raw = client.texts.find((one) => Bun.deepEquals(JSON.parse(one), got))!;
    return expect(largeNumbers(raw)).toEqual(largeNumbers(text));
  }
  if (by !== undefined) server.signal(by as NodeJS.Signals);
  expect(await client.end()).toEqual(documented as { code: number; reason: string });
}

/** Those that JSON.parse would round. */
function largeNumbers(json: string): string[] {
  return json.match(/\b\d{16,}\b/g) ?? [];
}

async function get(server: Moonstead, path: string): Promise<{ status: number; body: Frame }> {
  const answer = await fetch(server.http + path);
  return { status: answer.status, body: (await answer.json()) as Frame };
}

async function tryUpgrade(server: Moonstead, path: string) {
  const headers = { 'X-API-Key': undefined, Connection: 'close, Upgrade' };
  const client = await RawClient.connect(server.port);
  client.write(upgrade(server.port, { path, headers }));
  await client.end();
  return { status: client.status!, body: JSON.parse(client.body) as Frame };
}

/** It has ended, and every frame that it got was spoken of. */
export async function expectNoMore(
  who: string,
  client: Client,
  isNoise: (who: string, frame: Frame) => boolean = () => false,
): Promise<void> {
  const frames: Frame[] = [];
  await client.end();
  for (;;) {
    const frame = await client.next((one) => !isNoise(who, one)).catch(() => undefined);
    if (frame === undefined) return expect([who, frames]).toEqual([who, []]);
    frames.push(frame);
  }
}
