import { describe, expect, test } from 'bun:test';
import { configSchema } from '../../src/config/schema.ts';
import { settingsOf } from '../../src/config/settings.ts';
import type { Refusal } from '../../src/refusal.ts';
import { Fault, RelayFrames, relayRefusals } from '../../src/relay/messages.ts';
import { listenerRefusals } from '../../src/server.ts';
import { socketRefusals } from '../../src/sockets/accept.ts';
import { Moonstead } from '../support/moonstead.ts';
import { RawClient, upgrade } from '../support/raw.ts';
import type { Frame } from '../support/relay-client.ts';
import {
  type Block,
  blocksOf,
  markdownFiles,
  read,
  sectionsOf,
  tableOf,
  unquoted,
} from './markdown.ts';

const page = read('docs/protocol.md');
const sections = sectionsOf(page);

describe('the examples, section by section', () => {
  const shown = sections.filter(({ blocks }) => blocks.some(({ language }) => language === 'json'));
  test.each(shown.map(({ title, blocks }) => [title, blocks] as const))('%s', (_title, blocks) =>
    perform(blocks),
  );
});

/** Plays a section on a fresh server; what it does not show must not come. */
async function perform(blocks: readonly Block[]): Promise<void> {
  const toml = blocks.find(({ caption }) => caption === 'settings')?.text;
  const server = await Moonstead.start({ toml });
  const cast = new Map<string, RawClient>();
  try {
    for (const block of blocks) await act(block, server, cast);
    await server.stop();
    for (const [name, client] of cast) expect([name, await rest(client)]).toEqual([name, []]);
  } finally {
    await server.stop('SIGKILL');
    for (const client of cast.values()) client.destroy();
  }
}

async function act(
  { language, caption, text }: Block,
  server: Moonstead,
  cast: Map<string, RawClient>,
) {
  if (language !== 'json') return;
  const [, method, path, status] = /^(GET|upgrade) (\S+) (\d{3})$/.exec(caption) ?? [];
  if (status !== undefined) return ask(server, method!, path!, Number(status), JSON.parse(text));
  const words = /^(?<who>[\w ]+) (?<does>sends|receives|is closed)(?: (?:with|by) (?<by>\S+))?$/;
  const { who, does, by } = words.exec(caption)?.groups ?? {};
  if (who === undefined) throw new Error(`nobody knows what to do with "${caption}"`);
  if (does === 'sends') {
    const key = by ?? 'gateway';
    const known = cast.get(who);
    const client =
      known ?? (await RawClient.open(server.port, { key, pongs: !who.startsWith('mute') }));
    cast.set(who, client);
    client.say(text);
    return;
  }
  const client = cast.get(who)!;
  if (does === 'receives') return expectFrame(await client.next(), JSON.parse(text));
  if (by !== undefined) server.signal(by as NodeJS.Signals);
  expect(await client.end()).toEqual(JSON.parse(text));
}

async function ask(server: Moonstead, how: string, path: string, status: number, body: unknown) {
  if (how === 'GET') {
    const answer = await fetch(server.http + path);
    expect([answer.status, await answer.json()]).toEqual([status, body]);
    return;
  }
  const headers = { 'X-API-Key': undefined, Connection: 'close, Upgrade' };
  const client = await RawClient.connect(server.port);
  client.write(upgrade(server.port, { path, headers }));
  await client.end();
  expect([client.status, JSON.parse(client.body)]).toEqual([status, body]);
}

const isTime = (text: unknown) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text as string);

/** The same fields with the same values; times are times, and equal where the page has them equal. */
function expectFrame(got: Frame, documented: Frame): void {
  const expected = { ...documented };
  if (documented.received_at !== undefined) {
    expect([got.received_at, got.forwarded_at].map(isTime)).toEqual([true, true]);
    expect(got.forwarded_at >= got.received_at).toBeTrue();
    if (documented.ts === documented.received_at) expected.ts = got.received_at;
    expected.received_at = got.received_at;
    expected.forwarded_at = got.forwarded_at;
  }
  expect(got).toEqual(expected);
}

/** Frames that no block spoke of. */
async function rest(client: RawClient): Promise<Frame[]> {
  const frames: Frame[] = [];
  await client.end();
  for (;;) {
    const frame = await client.next().catch(() => undefined);
    if (frame === undefined) return frames;
    frames.push(frame);
  }
}

test('the table of refusals has every refusal of the code, and no other', () => {
  const all: Record<string, Refusal> = { ...listenerRefusals, ...socketRefusals, ...relayRefusals };
  const rows = tableOf(page, 'name', 'when', 'how', 'code', 'close', 'text', 'again');
  const documented = rows.map(({ name, code, close, text, again }) => ({
    name: unquoted(name!),
    code: Number(code),
    close: close === '–' ? undefined : Number(close),
    message: text!,
    retry: { yes: true, no: false }[again!],
  }));
  const real = Object.entries(all).map(([name, { code, close, message, retry }]) => ({
    name,
    code,
    close,
    message,
    retry,
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(documented.sort(byName)).toEqual(real.sort(byName) as typeof documented);
  for (const { how, close } of rows) expect(how!.endsWith('close')).toBe(close !== '–');
  expect(rows.filter(({ how }) => !/^(HTTP|frame|frame, close|close)$/.test(how!))).toEqual([]);
});

const settings = new Map(
  settingsOf(configSchema).map(({ path, schema }) => [path.join('.'), schema]),
);

test('the table of bounds has the defaults of the schema, and every bound of the relay', () => {
  const rows = tableOf(page, 'setting', 'default', 'past it');
  const documented = rows.map((row) => [unquoted(row.setting!), row.default!.replace(/ \(.*/, '')]);
  const real = documented.map(([name]) => {
    const schema = settings.get(name!);
    return [name, schema && String(schema.written ?? schema.default)];
  });
  expect(documented).toEqual(real as typeof documented);
  const noBounds = ['host', 'http_port', 'websocket', 'keys'].map((name) => `gateway.${name}`);
  const bounds = [...settings.keys()].filter(
    (name) => name.startsWith('gateway.') && !noBounds.includes(name),
  );
  expect(bounds.filter((name) => !documented.some(([row]) => row === name))).toEqual([]);
});

test.each(markdownFiles())('every setting that %s names exists', (file) => {
  const sections = Object.keys(configSchema.properties).join('|');
  const name = new RegExp(`\`((?:${sections})(?:\\.[a-z_]+)+)`, 'g');
  const named = [...read(file).matchAll(name)]
    .map((match) => match[1]!)
    .filter((one) => !one.endsWith('.ts'));
  const isSection = (path: string) =>
    [...settings.keys()].some((key) => key.startsWith(`${path}.`));
  expect(named.filter((path) => !settings.has(path) && !isSection(path))).toEqual([]);
});

describe('the table of message fields', () => {
  const rows = tableOf(page, 'field', 'type', 'bounds', 'mod', 'bot');
  const frames = new RelayFrames({ idLengthMax: 128, jsonDepthMax: 64 });
  const readers = {
    mod: (text: string) => frames.modMessage(text),
    bot: (text: string) => frames.botMessage(text),
  };
  // The fullest message of the page.
  const sent = blocksOf(page).filter(({ caption }) => caption.endsWith('sends'));
  const fullest = sent.map(({ text }) => text).find((text) => text.includes('"meta"'))!;

  const cases = rows.flatMap(({ field, mod, bot }) => [
    [unquoted(field!), 'mod', mod!] as const,
    [unquoted(field!), 'bot', bot!] as const,
  ]);
  test.each(cases)('%s of a %s is %s', (field, role, need) => {
    const without = (value: unknown) =>
      readers[role](JSON.stringify(replaced(fullest, field, value)));
    expect(without(undefined) instanceof Fault).toBe(need === 'required');
    expect(without(5) instanceof Fault).toBe(need !== 'ignored');
    if (need === 'ignored') return;
    const bounds = rows.find((row) => row.field === `\`${field}\``)!.bounds!;
    if (/^(an id|at most 128)/.test(bounds)) {
      expect(without('x'.repeat(128))).not.toBeInstanceOf(Fault);
      for (const bad of ['x'.repeat(129), 'a\nb', '\ud800'])
        expect(without(bad)).toBeInstanceOf(Fault);
    }
    if (/^(an id|not empty)/.test(bounds)) expect(without('')).toBeInstanceOf(Fault);
  });
});

/** The JSON object with another value at a path such as `author.id`. */
function replaced(text: string, path: string, value: unknown): Frame {
  const frame: Frame = JSON.parse(text);
  const names = path.split('.');
  const last = names.pop()!;
  let inner = frame;
  for (const name of names) inner = inner[name];
  inner[last] = value;
  return frame;
}
