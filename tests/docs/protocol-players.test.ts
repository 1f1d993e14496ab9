import { describe, expect, test } from 'bun:test';
import { fileRefusals, readFileFrame } from '../../src/players/file-frames.ts';
import { Fault, PlayerFrames, playerRefusals } from '../../src/players/messages.ts';
import { read, tableOf, unquoted } from './markdown.ts';
import { shownSections } from './play.ts';
import { SessionsPlay } from './sessions-play.ts';
import { expectBounds, expectRefusals, settings } from './tables.ts';

const page = read('docs/protocol-players.md');
const ofFiles = page.slice(page.indexOf('\n## Files'), page.indexOf('\n## When it goes wrong'));

describe('the examples, section by section', () => {
  test.each(shownSections(page))('%s', (_title, blocks) =>
    new SessionsPlay('/player').perform(blocks),
  );
});

test('the table of refusals has every refusal of the players, and no other', () => {
  const hows = /^(upgrade|answer, close|frame|close)$/;
  expectRefusals(page.replace(ofFiles, ''), playerRefusals, hows);
});

test('the table of refusals of files has every one of them, and no other', () => {
  expectRefusals(ofFiles, fileRefusals, /^(failed|close)$/);
});

test('the table of bounds has the defaults of the schema, and every bound of the players', () => {
  const documented = expectBounds(page);
  const noBounds = ['players.host', 'players.port'];
  const bounds = [...settings.keys()].filter((name) => name.startsWith('players.'));
  expect(bounds.filter((name) => ![...documented, ...noBounds].includes(name))).toEqual([]);
});

describe('the tables of fields', () => {
  const frames = new PlayerFrames({ idLengthMax: 128, jsonDepthMax: 64, charsMax: 65_536 });
  const least = {
    session_auth: { type: 'session_auth', token: 't' },
    message: { type: 'message', channel: 'c', data: null },
    file_send_begin: { type: 'file_send_begin', targetUserId: 'u', fileName: 'f', fileSize: 0 },
  };
  const rows = (['session_auth', 'message', 'file_send_begin'] as const).flatMap((of) =>
    tableOf(page, `field of \`${of}\``, 'type', 'bounds', 'default').map(
      (row) => [of, unquoted(row[`field of \`${of}\``]!), row] as const,
    ),
  );

  test.each(rows)('of a %s: %s', (of, field, { type, bounds, default: fallback }) => {
    const isFault = (value: unknown) => {
      // A message is for a user or for a channel.
      const isTarget = of === 'message' && field === 'targetUserId';
      const others = isTarget ? { channel: undefined } : {};
      const frame = { ...least[of], ...others, [field]: value };
      const text = JSON.stringify(frame);
      const read = of === 'file_send_begin' ? readFileFrame(JSON.parse(text)) : frames.read(text);
      return read instanceof Fault;
    };
    const isNeeded =
      bounds!.endsWith('required') || bounds!.includes('this one or') || field === 'channel';
    expect([isFault(undefined), fallback === '']).toEqual([isNeeded, isNeeded]);
    expect(isFault([5])).toBe(type !== 'any');
    const most = Number(/^1 to (\d+) characters/.exec(bounds!)?.[1]);
    if (most > 0)
      expect(['', 'x'.repeat(most), 'x'.repeat(most + 1)].map(isFault)).toEqual([
        true,
        false,
        true,
      ]);
    const digits = Number(/^(\d+) hex characters/.exec(bounds!)?.[1]);
    if (digits > 0)
      expect([digits - 1, digits, digits + 1].map((n) => isFault('f'.repeat(n)))).toEqual([
        true,
        false,
        true,
      ]);
    if (bounds!.startsWith('bytes')) expect([-1, 0, 0.5].map(isFault)).toEqual([true, false, true]);
    if (bounds!.startsWith('an id'))
      expect(['x'.repeat(128), 'x'.repeat(129), 'a\nb', '\ud800'].map(isFault)).toEqual([
        false,
        true,
        true,
        true,
      ]);
    if (bounds === '1 or 2') expect([0, 1, 2, 3].map(isFault)).toEqual([true, false, false, true]);
  });
});
