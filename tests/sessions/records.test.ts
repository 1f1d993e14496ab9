import { describe, expect, test } from 'bun:test';
import { memoryStore } from '../../src/store/memory.ts';
import { garbled, hashOf, Stage } from './stage.ts';

const day = { createdMs: 1, expiresMs: 1_800_000_000_000 };

/** A run that finds this record. */
async function withRecord(set: string, key: string, text: string): Promise<Stage> {
  const store = memoryStore();
  const whole = { userId: 'bob', ...day };
  await store.records.put('sessions', [{ key: 'digest of well', text: JSON.stringify(whole) }]);
  await store.records.put('claims', [{ key: 'carol', text: hashOf('s') }]);
  await store.records.put(set, [{ key, text }]);
  return Stage.start({}, store);
}

describe('a session that cannot be read', () => {
  test.each([
    '{"userId":',
    '',
    'null',
    '5',
    '[]',
    '{}',
    JSON.stringify({ userId: 'alice', createdMs: 1 }),
    JSON.stringify({ userId: 'alice', createdMs: 1, expiresMs: '2' }),
    JSON.stringify({ userId: 'alice', createdMs: 1, expiresMs: 1e300 }),
    JSON.stringify({ userId: ' ', ...day }),
    JSON.stringify({ userId: 'alice', ...day, address: 7 }),
  ])('is passed over, told and left where it is: %s', async (text) => {
    const stage = await withRecord('sessions', 'digest of odd', text);
    expect(stage.events).toEqual(['error record_unreadable sessions']);
    expect(stage.sessions.size).toBe(1);
    expect(await stage.told(stage.ask('validate', 'odd'))).toBe('Invalid session token');
    expect(await stage.told(stage.ask('validate', 'well'))).toBe('granted');
    expect(await stage.told(stage.auth('alice'))).toBe('granted');
    await stage.clock.run(5_000);
    expect(await stage.inner.records.all('sessions')).toContainEqual({
      key: 'digest of odd',
      text,
    });
  });

  test('says no more of itself than it may', async () => {
    const stage = await withRecord(
      'sessions',
      'digest of odd',
      JSON.stringify({ userId: 'alice', ...day, isEnding: true, digest: 'digest of other' }),
    );
    expect(await stage.told(stage.ask('validate', 'odd'))).toBe('granted');
    expect(stage.sessions.find('odd')!.digest).toBe('digest of odd');
  });
});

describe('a claim that cannot be read', () => {
  test.each(['garbage', '', '$argon2id$', hashOf('s').replace('m=1', 'm=4294967295')])(
    'holds all the same, until it is unbound: %j',
    async (text) => {
      const stage = await withRecord('claims', 'alice', text);
      expect(stage.events).toEqual(['error record_unreadable claims']);
      expect(await stage.told(stage.auth('alice'))).toContain('it is needed');
      expect(await stage.auth('alice', { secret: 's' })).toMatchObject({ refusal: { code: 500 } });
      expect(stage.events).toHaveLength(1);
      expect(await stage.told(stage.auth('carol', { secret: 's' }))).toBe('granted');
      expect(await stage.inner.records.all('claims')).toContainEqual({ key: 'alice', text });
      await stage.sessions.unbind('alice');
      expect(await stage.told(stage.auth('alice', { secret: 's' }))).toBe('granted');
    },
  );

  test('is answered also when that shows only in the verifying', async () => {
    const stage = await withRecord('claims', 'alice', garbled);
    for (let n = 0; n < 10; n++)
      expect(await stage.auth('alice', { secret: 's' })).toMatchObject({ refusal: { code: 500 } });
    expect(stage.events).toHaveLength(10);
    expect(stage.events[0]).toStartWith('error fault Error: InvalidEncoding');
    expect(stage.sessions.figures.refused.failed).toBe(10);
  });
});
