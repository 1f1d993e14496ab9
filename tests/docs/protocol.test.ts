import { describe, expect, test } from 'bun:test';
import { Fault, RelayFrames, relayRefusals } from '../../src/relay/messages.ts';
import { listenerRefusals } from '../../src/server.ts';
import { socketRefusals } from '../../src/sockets/accept.ts';
import { RawClient } from '../support/raw.ts';
import type { Frame } from '../support/relay-client.ts';
import { blocksOf, read, tableOf, unquoted } from './markdown.ts';
import { type Dialect, perform, playFrames, shownSections } from './play.ts';
import { expectBounds, expectRefusals, settings } from './tables.ts';

const page = read('docs/protocol.md');

describe('the examples, section by section', () => {
  test.each(shownSections(page))('%s', (_title, blocks) =>
    perform(blocks, async (block, stage) => {
      if (block.language === 'json') await playFrames(block, stage, dialect);
    }),
  );
});

const dialect: Dialect = {
  connect: (port, who, key = 'gateway') =>
    RawClient.open(port, { key, pongs: !who.startsWith('mute') }),
  outgoing: (text) => text,
  /** Times are times, and equal where the page has them equal. */
  expected(documented, got) {
    if (documented.received_at === undefined) return documented;
    expect([got.received_at, got.forwarded_at].map(isTime)).toEqual([true, true]);
    expect(got.forwarded_at >= got.received_at).toBeTrue();
    const { received_at, forwarded_at } = got;
    const ts = documented.ts === documented.received_at ? received_at : documented.ts;
    return { ...documented, ts, received_at, forwarded_at };
  },
};

const isTime = (text: unknown) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text as string);

test('the table of refusals has every refusal of the code, and no other', () => {
  const hows = /^(HTTP|frame|frame, close|close)$/;
  expectRefusals(page, { ...listenerRefusals, ...socketRefusals, ...relayRefusals }, hows);
});

test('the table of bounds has the defaults of the schema, and every bound of the relay', () => {
  const documented = expectBounds(page);
  const noBounds = ['host', 'http_port', 'websocket', 'keys'].map((name) => `gateway.${name}`);
  const bounds = [...settings.keys()].filter((name) => name.startsWith('gateway.'));
  const missing = bounds.filter((name) => ![...documented, ...noBounds].includes(name));
  expect(missing).toEqual([]);
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
