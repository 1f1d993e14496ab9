import { describe, expect, test } from 'bun:test';
import { Fault, readRequest, sessionRefusals } from '../../src/sessions/messages.ts';
import { read, tableOf, unquoted } from './markdown.ts';
import { shownSections } from './play.ts';
import { SessionsPlay } from './sessions-play.ts';
import { expectBounds, expectRefusals, settings } from './tables.ts';

const page = read('docs/protocol-sessions.md');

describe('the examples, section by section', () => {
  test.each(shownSections(page))('%s', (_title, blocks) =>
    new SessionsPlay('/auth').perform(blocks),
  );
});

test('the table of refusals has every refusal of the sessions, and no other', () => {
  expectRefusals(page, sessionRefusals, /^(answer|error|frame|upgrade|close)$/);
});

test('the table of bounds has the defaults of the schema, and every bound of the sessions', () => {
  const documented = expectBounds(page);
  const noBounds = ['host', 'port', 'require_secret'].map((name) => `auth.${name}`);
  const bounds = [...settings.keys()].filter((name) => name.startsWith('auth.'));
  expect(bounds.filter((name) => ![...documented, ...noBounds].includes(name))).toEqual([]);
});

describe('the tables of requests', () => {
  const isFault = (request: object) => readRequest(JSON.stringify(request), 64) instanceof Fault;
  const requests = tableOf(page, '`type`', 'fields', 'granted').map((row) => {
    const [type, ...fields] = [...`${row['`type`']}${row.fields}`.matchAll(/`(\w+)`/g)].map(
      ([, name]) => name!,
    );
    return { type: type!, fields, optional: type === 'auth' ? ['secret', 'token'] : [] };
  });
  const longest: Record<string, number> = { userId: 64, token: 256, secret: 256 };

  test.each(requests)('$type', ({ type, fields, optional }) => {
    const full = { type, ...Object.fromEntries(fields.map((field) => [field, 'x'])) };
    expect(isFault(full)).toBeFalse();
    const needed = fields.filter((field) => isFault({ ...full, [field]: undefined }));
    expect(needed).toEqual(fields.filter((field) => !optional.includes(field)));
    for (const field of fields) {
      const most = longest[field]!;
      const tried = ['', 'x'.repeat(most), 'x'.repeat(most + 1), 5];
      const faults = tried.map((value) => isFault({ ...full, [field]: value }));
      expect([field, faults]).toEqual([field, [true, false, true, true]]);
    }
  });

  test.each(tableOf(page, 'field', 'type', 'bounds'))('$field', ({ field, type, bounds }) => {
    expect(type).toBe('string');
    expect(bounds).toStartWith(`1 to ${longest[unquoted(field!)]} characters`);
    const odd = ['\t ', 'a\nb', '\ud800'];
    const request = { type: 'auth', userId: 'x' };
    const faults = odd.map((value) => isFault({ ...request, [unquoted(field!)]: value }));
    expect(faults).toEqual(odd.map(() => bounds!.includes('no control characters')));
  });
});
