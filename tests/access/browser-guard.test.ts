import { describe, expect, test } from 'bun:test';
import { hostAllowed, originAllowed } from '../../src/access/browser-guard.ts';

describe('Host on a loopback listener', () => {
  test.each([
    'localhost',
    'localhost:3333',
    'LOCALHOST.',
    'a.localhost',
    'a.b.localhost:80',
    '127.0.0.1',
    '127.3.4.5:3333',
    '[::1]',
    '[::1]:3333',
    '[0:0::1]',
  ])('%s is answered', (host) => {
    expect(hostAllowed(host, true, [])).toBe(true);
  });

  test.each([
    'example.org',
    'example.org:3333',
    'localhost.example.org',
    'notlocalhost',
    '127.0.0.1.example.org',
    '128.0.0.1',
    '[::2]',
    '::1',
    '0.0.0.0',
    '127.1',
    'localhost:3333:1',
    'localhost:x',
    'user@localhost',
    'evil.org/localhost',
    'evil.org\\.localhost',
    'evil.org#.localhost',
    'evil.org?.localhost',
    'evil.org .localhost',
    '[::1].evil.org',
    '',
  ])('%j is refused', (host) => {
    expect(hostAllowed(host, true, [])).toBe(false);
  });

  test('none at all is refused', () => {
    expect(hostAllowed(null, true, [])).toBe(false);
    expect(hostAllowed(undefined, true, [])).toBe(false);
  });

  test('a listed name is answered on every port, or on the one that is listed', () => {
    const allowed = ['Relay.lan', 'one.lan:8080', '[2001:db8::1]'];
    const answered = (host: string) => hostAllowed(host, true, allowed);
    expect(['relay.lan', 'RELAY.lan:1', 'one.lan:8080'].map(answered)).toEqual([true, true, true]);
    expect(['one.lan', 'one.lan:80', 'x.relay.lan'].map(answered)).toEqual([false, false, false]);
    expect(answered('[2001:db8::1]:80')).toBe(true);
  });

  test('any other listener answers to every name', () => {
    expect(hostAllowed('example.org', false, [])).toBe(true);
    expect(hostAllowed(null, false, ['a'])).toBe(true);
  });
});

describe('Origin', () => {
  test('none is allowed: that is no browser', () => {
    expect(originAllowed(null, 'a', [])).toBe(true);
    expect(originAllowed(undefined, undefined, [])).toBe(true);
  });

  test.each([
    ['http://localhost:3333', 'localhost:3333'],
    ['https://example.org', 'example.org'],
    ['https://example.org', 'example.org:443'],
    ['http://example.org', 'EXAMPLE.org:80'],
    ['https://example.org:8443', 'example.org:8443'],
    ['http://[::1]:3333', '[::1]:3333'],
    ['ws://example.org', 'example.org'],
    ['http://localhost/', 'localhost'],
  ])('%s may reach %s, which is its own host', (origin, host) => {
    expect(originAllowed(origin, host, [])).toBe(true);
  });

  test.each([
    ['http://evil.org', 'localhost:3333'],
    ['http://localhost', 'localhost:3333'],
    ['http://localhost:3333', 'localhost'],
    ['http://localhost:3334', 'localhost:3333'],
    ['http://127.0.0.1:3333', 'localhost:3333'],
    ['http://a.example.org', 'example.org'],
    ['http://example.org.evil.org', 'example.org'],
    ['http://example.org@evil.org', 'example.org'],
    ['http://evil.org/example.org', 'example.org'],
    ['http://evil.org#example.org', 'example.org'],
    ['null', 'null'],
    ['null', 'localhost'],
    ['', 'localhost'],
    ['localhost', 'localhost'],
    ['file://', ''],
    ['chrome-extension://localhost', 'localhost'],
    ['http://', ''],
    ['http://localhost, http://localhost', 'localhost'],
  ])('%j may not reach %j', (origin, host) => {
    expect(originAllowed(origin, host, [])).toBe(false);
  });

  test('a listed origin is allowed, with its scheme and port', () => {
    const listed = ['https://example.org', 'http://a.org:8080'];
    const may = (origin: string) => originAllowed(origin, 'localhost', listed);
    expect(['https://example.org', 'HTTPS://Example.org', 'http://a.org:8080'].map(may)).toEqual([
      ...[true, true, true],
    ]);
    expect(
      ['http://example.org', 'https://example.org:8443', 'http://a.org', 'null'].map(may),
    ).toEqual([...[false, false, false, false]]);
  });

  test('an origin without a Host to compare with is refused', () => {
    expect(originAllowed('http://localhost', null, [])).toBe(false);
  });
});
