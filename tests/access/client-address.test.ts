import { describe, expect, test } from 'bun:test';
import { clientAddress } from '../../src/access/client-address.ts';
import {
  inNetworks,
  isLoopbackHost,
  networkProblem,
  networks,
  normalAddress,
} from '../../src/access/networks.ts';

describe('addresses', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:ffff:ffff', '255.255.255.255'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['::10.1.2.3', '::a01:203'],
    ['1::6:255.0.0.9', '1::6:ff00:9'],
    ['1::5:6:255.0.0.9', '1::5:6:ff00:9'],
    ['1::4:5:6:255.0.0.9', '1::4:5:6:ff00:9'],
    ['::3:4:5:6:255.0.0.9', '::3:4:5:6:ff00:9'],
    ['1:2:3:4::0.0.0.0', '1:2:3:4::'],
    ['1:2:3:4:5:6:255.0.0.9', '1:2:3:4:5:6:ff00:9'],
  ])('%s is normally written %s', (text, normal) => {
    expect(normalAddress(text)).toBe(normal);
  });

  test.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4%x',
    '[::1]',
    '::1/8',
    ':::',
    '::1 ',
  ])('%j is none', (text) => {
    expect(normalAddress(text)).toBeUndefined();
  });

  test.each([
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '[::1]',
    '0:0::1',
    '::ffff:127.0.0.1',
    'localhost',
  ])('a listener on %s is on loopback', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  test.each([
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '::2',
    '',
    'localhost.org',
    '127.0.0.1.org',
    '::ffff:10.0.0.1',
  ])('a listener on %j is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('networks', () => {
  test('hold what begins with their bits, IPv4 in every spelling', () => {
    const set = networks(['10.0.0.0/8', '192.168.7.9', '2001:db8::/32', '::ffff:172.16.0.0/108']);
    const within = (text: string) => inNetworks(set, normalAddress(text)!);
    for (const text of [
      '10.255.1.1',
      '::ffff:10.0.0.1',
      '192.168.7.9',
      '2001:db8:ffff::1',
      '172.31.0.1',
    ]) {
      expect([text, within(text)]).toEqual([text, true]);
    }
    for (const text of [
      '11.0.0.1',
      '192.168.7.8',
      '2001:db9::1',
      '172.32.0.1',
      '::10.0.0.1',
      '::1',
    ]) {
      expect([text, within(text)]).toEqual([text, false]);
    }
  });

  test('of no bits hold their whole family and not the other', () => {
    const [v4, v6] = [networks(['0.0.0.0/0']), networks(['::/0'])];
    expect([inNetworks(v4, '9.9.9.9'), inNetworks(v4, '2001::1')]).toEqual([true, false]);
    expect([inNetworks(v6, '9.9.9.9'), inNetworks(v6, '2001::1')]).toEqual([false, true]);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/129',
    '::ffff:10.0.0.0/8',
    'fe80::%1/64',
    'x/8',
    '10.0.0.0/8/8',
  ])('%j is none', (text) => {
    expect(networkProblem(text)).toBe('be an address or a network such as "10.0.0.0/8"');
    expect(() => networks([text])).toThrow('Neither an address nor a network');
  });
});

describe('who is asking', () => {
  const trusted = networks(['10.0.0.0/8', '::1', '2001:db8:aaaa::/48']);
  const ask = (peer: string, headers: Record<string, string>) =>
    clientAddress(peer, new Headers(headers), trusted);

  test('the peer, in its normal spelling', () => {
    expect(ask('::ffff:192.0.2.1', {})).toEqual({ address: '192.0.2.1', forwarded: false });
  });

  test.each([
    ['X-Forwarded-For', '192.0.2.1'],
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'a'],
    ['X-Real-IP', '192.0.2.1'],
    ['Via', '1.1 a'],
    ['X-Forwarded-For', ''],
  ])('%s: %s from somebody who is no proxy changes no address, but is told', (name, value) => {
    expect(ask('203.0.113.5', { [name]: value })).toEqual({
      address: '203.0.113.5',
      forwarded: true,
    });
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['6.6.6.6, 192.0.2.1', '192.0.2.1'],
    ['6.6.6.6,192.0.2.1 ,10.9.9.9, 10.8.8.8', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::5', '2001:db8::5'],
    ['[2001:DB8::5]', '2001:db8::5'],
    ['[2001:db8::5]:443, 2001:db8:aaaa::1', '2001:db8::5'],
    ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['6.6.6.6, unknown, 10.2.2.2', '10.2.2.2'],
    ['6.6.6.6, , 10.2.2.2', '10.2.2.2'],
    ['6.6.6.6, 192.0.2.1;drop', '10.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['', '10.0.0.1'],
    [',,,', '10.0.0.1'],
  ])('X-Forwarded-For %j from a proxy means %s', (value, address) => {
    expect(ask('10.0.0.1', { 'X-Forwarded-For': value })).toEqual({ address, forwarded: true });
  });

  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:4711";proto=https', '192.0.2.1'],
    ['proto=http ; by=10.0.0.1 ; for=192.0.2.1', '192.0.2.1'],
    ['for="[2001:db8::5]:4711"', '2001:db8::5'],
    ['for="[2001:db8::\\5]"', '2001:db8::5'],
    ['for=6.6.6.6, for=192.0.2.1, for=10.3.3.3', '192.0.2.1'],
    ['for=6.6.6.6;host="a,b;for=7.7.7.7", for=192.0.2.1', '192.0.2.1'],
    ['for=6.6.6.6, for=unknown', '10.0.0.1'],
    ['for=6.6.6.6, for=_hidden', '10.0.0.1'],
    ['for=6.6.6.6, proto=https', '10.0.0.1'],
    ['for="6.6.6.6, for=192.0.2.1', '10.0.0.1'],
    ['for=6.6.6.6 for=192.0.2.1', '10.0.0.1'],
    ['192.0.2.1', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('Forwarded %j from a proxy means %s', (value, address) => {
    expect(ask('10.0.0.1', { Forwarded: value })).toEqual({ address, forwarded: true });
  });

  test('both headers count when they agree; otherwise the proxy is the client', () => {
    const both = (first: string, second: string) =>
      ask('10.0.0.1', { 'X-Forwarded-For': first, Forwarded: `for=${second}` }).address;
    expect(both('192.0.2.1', '192.0.2.1')).toBe('192.0.2.1');
    expect(both('192.0.2.1', '6.6.6.6')).toBe('10.0.0.1');
    expect(both('6.6.6.6', '192.0.2.1')).toBe('10.0.0.1');
  });

  test('a header made to be slow is not', () => {
    const start = performance.now();
    ask('10.0.0.1', { Forwarded: `for=1.2.3.4${' \t'.repeat(50_000)}x` });
    ask('10.0.0.1', { Forwarded: `for="${'\\'.repeat(100_001)}` });
    ask('10.0.0.1', { Forwarded: ';'.repeat(100_000) });
    ask('10.0.0.1', { 'X-Forwarded-For': '10.1.1.1,'.repeat(20_000) });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('a peer without an address is believed nothing', () => {
    expect(ask('', { 'X-Forwarded-For': '192.0.2.1' })).toEqual({ address: '', forwarded: true });
  });
});
