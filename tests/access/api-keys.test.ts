import { describe, expect, test } from 'bun:test';
import { apiKeys, headerKey, presentedKey } from '../../src/access/api-keys.ts';
import { channelAllowed, channelPatterns } from '../../src/access/channel-patterns.ts';

describe('which key it is', () => {
  const keys = apiKeys([
    { name: 'single', key: 'gateway' },
    { name: 'mods', key: 'schlüssel', role: 'mod', channels: ['123*'] },
  ]);

  test('a key is found by all of its text, and comes without it', () => {
    expect(keys.find('gateway')).toEqual({ name: 'single', role: undefined, channels: undefined });
    expect(keys.find('schlüssel')).toMatchObject({ name: 'mods', role: 'mod' });
    expect(JSON.stringify(keys.find('gateway'))).not.toContain('gateway');
  });

  test.each(['', 'gatewa', 'gateway ', 'Gateway', 'gatewayx', 'undefined', 'x'.repeat(100_000)])(
    '%j is none',
    (presented) => {
      expect(keys.find(presented)).toBeUndefined();
    },
  );

  test('nothing presented is none, and without keys everything is', () => {
    expect(keys.find(undefined)).toBeUndefined();
    expect(apiKeys([]).find('')).toBeUndefined();
  });
});

describe('where a request shows its key', () => {
  const url = (query: string) => `http://localhost:3333/sync${query}`;

  test('the query is over X-API-Key, that over Authorization', () => {
    const headers = new Headers({ 'X-API-Key': 'header', Authorization: 'Bearer bearer' });
    expect(presentedKey(url('?api_key=query'), headers)).toBe('query');
    expect(presentedKey(url(''), headers)).toBe('header');
    headers.delete('x-api-key');
    expect(presentedKey(url('?other=1'), headers)).toBe('bearer');
    headers.delete('authorization');
    expect(presentedKey(url('?'), headers)).toBeUndefined();
  });

  test('an empty key counts as none', () => {
    const headers = new Headers({ 'X-API-Key': '', Authorization: 'Bearer b' });
    expect(presentedKey(url('?api_key='), headers)).toBe('b');
    expect(presentedKey(url('?api_key'), new Headers({ 'X-API-Key': '' }))).toBeUndefined();
  });

  test.each([
    ['?api_key=a%2Bb%20c%3D', 'a+b c='],
    ['?api_key=a+b', 'a b'],
    ['?api_key=%C3%BC', 'ü'],
    ['?api_key=%zz%', '%zz%'],
    ['?api_key=a%00b', 'a\0b'],
    ['?x=1&api_key=first&api_key=second', 'first'],
    ['?api%5Fkey=k', 'k'],
    ['?api_key=a?b', 'a?b'],
    ['?api_key=a#?api_key=b', 'a'],
  ])('%s is decoded to %j', (query, key) => {
    expect(presentedKey(url(query), new Headers())).toBe(key);
  });

  test('a query behind # is no query', () => {
    expect(presentedKey(url('#?api_key=k'), new Headers())).toBeUndefined();
  });

  test.each([
    ['Bearer k', 'k'],
    ['bearer  k', 'k'],
    ['Basic k', undefined],
    ['Bearer', undefined],
    ['Bearerk', undefined],
  ])('%j in Authorization is %j', (authorization, key) => {
    expect(headerKey(new Headers({ authorization }))).toBe(key);
  });
});

describe('which channels a key covers', () => {
  const covers = (pattern: string, channel: string) =>
    channelAllowed(channelPatterns([pattern]), channel);

  test('without patterns every channel, with an empty list none', () => {
    expect(channelAllowed(undefined, 'any')).toBe(true);
    expect(channelAllowed([], 'any')).toBe(false);
  });

  test.each([
    ['123', '123'],
    ['123*', '123'],
    ['123*', '123456'],
    ['*', ''],
    ['*', 'x'],
    ['**', 'x'],
    ['*-mod', '-mod'],
    ['a*a', 'aa'],
    ['a*b*c', 'a--b--b--c'],
    ['*ab*ab', 'abab'],
    ['*a*', 'bab'],
    ['.*', '.x'],
    ['[0-9]', '[0-9]'],
  ])('%s covers %j', (pattern, channel) => {
    expect(covers(pattern, channel)).toBe(true);
  });

  test.each([
    ['123', '1234'],
    ['123', ''],
    ['123*', '12'],
    ['a*a', 'a'],
    ['*ab*ab', 'ab'],
    ['ab*ba', 'aba'],
    ['a*b*c', 'a--c--b'],
    ['.*', 'x'],
    ['a', 'A'],
    ['a.c', 'abc'],
    ['[0-9]', '5'],
  ])('%s does not cover %j', (pattern, channel) => {
    expect(covers(pattern, channel)).toBe(false);
  });

  test('one pattern of several is enough', () => {
    const patterns = channelPatterns(['1*', '*9']);
    expect(['15', '59', '55'].map((channel) => channelAllowed(patterns, channel))).toEqual([
      ...[true, true, false],
    ]);
  });

  test('agrees with a regular expression on every short pattern and channel', () => {
    const words = (letters: string, length: number): string[] =>
      length === 0
        ? ['']
        : words(letters, length - 1).flatMap((word) => [
            word,
            ...[...letters].map((x) => word + x),
          ]);
    const channels = [...new Set(words('ab', 5))];
    for (const pattern of new Set(words('ab*', 4))) {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      const compiled = channelPatterns([pattern]);
      const differ = channels.filter(
        (channel) => channelAllowed(compiled, channel) !== expected.test(channel),
      );
      expect([pattern, differ]).toEqual([pattern, []]);
    }
  });

  test('a pattern made to backtrack takes no time', () => {
    const start = performance.now();
    expect(covers(`${'a*'.repeat(64)}b`, 'a'.repeat(100_000))).toBe(false);
    expect(covers(`*${'aab*'.repeat(32)}`, 'a'.repeat(100_000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
