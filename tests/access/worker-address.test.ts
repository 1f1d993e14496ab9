import { describe, expect, test } from 'bun:test';
import { isIPv6 } from 'node:net';
import { networks } from '../../src/access/networks.ts';
import { workerAddress } from '../../src/access/worker-address.ts';
import { SeededRandom } from '../sim/random.ts';

const from = (isLocal: boolean) => ({ isLocal, allowed: undefined });
const notHere = 'ip may be loopback only if the heartbeat came from there, not forwarded';
const hides = (kind: string) => `ip must not hide an IPv4 address that is ${kind}`;

describe.each([true, false])('a heartbeat that is local: %p', (isLocal) => {
  const ask = (ip: string) => workerAddress(ip, from(isLocal));

  test.each([
    ['1.0.0.0', '1.0.0.0'],
    ['126.255.255.255', '126.255.255.255'],
    ['128.0.0.0', '128.0.0.0'],
    ['169.253.255.255', '169.253.255.255'],
    ['169.255.0.0', '169.255.0.0'],
    ['223.255.255.255', '223.255.255.255'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fd00::1', 'fd00::1'],
    ['fe7f:ffff::1', 'fe7f:ffff::1'],
    ['fec0::1', 'fec0::1'],
    ['feff::1', 'feff::1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0000:0000:0000:0000:0000:ffff:010a:0203', '1.10.2.3'],
    ['::10.1.2.3', '::a01:203'],
    ['::ffff:0:10.1.2.3', '::ffff:0:a01:203'],
    ['64:ff9b::10.1.2.3', '64:ff9b::a01:203'],
    ['::5:127.0.0.1', '::5:7f00:1'],
    ['64:ff9b:2::127.0.0.1', '64:ff9b:2::7f00:1'],
    ['2002:a01:203::1', '2002:a01:203::1'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['2001:1::7f00:1', '2001:1::7f00:1'],
    ['2001:db8::5efe:10.1.2.3', '2001:db8::5efe:a01:203'],
    ['::400:5efe:127.0.0.1', '::400:5efe:7f00:1'],
  ])('%s is an address: %s', (ip, address) => {
    expect(ask(ip)).toEqual({ address });
  });

  test.each([
    '',
    'localhost',
    'example.org',
    '127.0.0.1.nip.io',
    '127.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '192.0.2.01',
    '1.2.3.256',
    '1.2.3.4.5',
    '1.2.3.4.',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1.2.3.4\0.org',
    '1.2.3.4:80',
    '1.2.3.4/32',
    '1.2.3.4%eth0',
    '１.2.3.4',
    '1。2。3。4',
    '٤.2.3.4',
    '[::1]',
    '[2001:db8::1]:80',
    '2001:db8::1/64',
    ' 2001:db8::1',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '::g',
    '::ffff:127.1',
    '::ffff:0177.0.0.1',
    '::1.2.3.4:5',
    '%eth0',
    'localhost%eth0',
    '1'.repeat(1_000_000),
    `${'0'.repeat(1_000_000)}1.2.3.4`,
  ])('%.40j is none', (ip) => {
    expect(ask(ip)).toEqual({ problem: 'ip must be an IP address: host names are refused' });
  });

  test.each([
    'fe80::1%eth0',
    'fe80::1%25eth0',
    '::1%lo',
    '::1%',
    '::ffff:10.1.2.3%eth0',
    `2001:db8::1%${'x'.repeat(1_000_000)}`,
  ])('%.40s has a zone', (ip) => {
    expect(ask(ip)).toEqual({ problem: 'ip must not have a zone' });
  });

  test.each([
    ['169.254.0.0', 'link-local'],
    ['169.254.169.254', 'link-local'],
    ['169.254.255.255', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::FFFF:A9FE:A9FE', 'link-local'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'link-local'],
    ['224.0.0.0', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['::ffff:e000:1', 'multicast'],
    ['ff00::1', 'multicast'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::ffff:ffff:ffff', 'broadcast'],
    ['240.0.0.0', 'reserved'],
    ['255.255.255.254', 'reserved'],
    ['::ffff:f000:0', 'reserved'],
    ['0.0.0.0', 'unspecified'],
    ['0.255.255.255', 'unspecified'],
    ['::', 'unspecified'],
    ['0000:0000::0.0.0.0', 'unspecified'],
    ['::ffff:0:0', 'unspecified'],
    ['64:ff9b:1::', 'local-use NAT64'],
    ['64:FF9B:1:FFFF:ffff:ffff:ffff:ffff', 'local-use NAT64'],
  ])('%s is %s', (ip, kind) => {
    expect(ask(ip)).toEqual({ problem: `ip must not be ${kind}` });
  });

  test.each([
    ['::2', 'unspecified'],
    ['::127.0.0.1', 'loopback'],
    ['::169.254.169.254', 'link-local'],
    ['::ffff:0:127.0.0.1', 'loopback'],
    ['0:0:0:0:FFFF:0:E000:1', 'multicast'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['0064:FF9B::A9FE:A9FE', 'link-local'],
    ['2002:7f00:1::', 'loopback'],
    ['2002::', 'unspecified'],
    ['2002:ffff:ffff::1', 'broadcast'],
    ['2001:0:7f00:1:0:ffff:3fff:fdd2', 'loopback'],
    ['2001:0:a9fe:a9fe:0:ffff:3fff:fdd2', 'link-local'],
    ['2001:0:4136:e378:8000:63bf:80ff:fffe', 'loopback'],
    ['2001:0:4136:e378::', 'broadcast'],
    ['2001:db8::5efe:127.0.0.1', 'loopback'],
    ['2001:db8::200:5efe:127.0.0.1', 'loopback'],
    ['2001:db8::100:5efe:f000:1', 'reserved'],
    ['::300:5efe:127.0.0.1', 'loopback'],
    ['::5efe:169.254.169.254', 'link-local'],
    ['2002:a01:203::5efe:127.0.0.1', 'loopback'],
  ])('%s hides one that is %s', (ip, kind) => {
    expect(ask(ip)).toEqual({ problem: hides(kind) });
  });
});

describe('loopback', () => {
  test.each([
    ['127.0.0.0', '127.0.0.0'],
    ['127.255.255.255', '127.255.255.255'],
    ['::1', '::1'],
    ['::0.0.0.1', '::1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7F00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:7f12:3456', '127.18.52.86'],
  ])('%s is for a worker on this machine', (ip, address) => {
    expect(workerAddress(ip, from(true))).toEqual({ address });
    expect(workerAddress(ip, from(false))).toEqual({ problem: notHere });
  });
});

describe('allowed_networks', () => {
  const allowed = networks(['10.0.0.0/8', '2001:db8::/32', '169.254.0.0/16', '2002::/16']);
  const ask = (ip: string) => workerAddress(ip, { isLocal: true, allowed });

  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2002:808:808::1', '2002:808:808::1'],
  ])('%s is in them', (ip, address) => {
    expect(ask(ip)).toEqual({ address });
  });

  test.each(['11.0.0.1', '::ffff:b00:1', '2001:db9::1', '::10.1.2.3', '127.0.0.1', '::1'])(
    '%s is not',
    (ip) => {
      expect(ask(ip)).toEqual({ problem: 'ip must be in one of the allowed_networks' });
    },
  );

  test('an empty set allows nothing', () => {
    expect(workerAddress('10.1.2.3', { isLocal: true, allowed: networks([]) })).toEqual({
      problem: 'ip must be in one of the allowed_networks',
    });
  });

  test('allow nothing that is never allowed', () => {
    expect(ask('169.254.1.1')).toEqual({ problem: 'ip must not be link-local' });
    expect(ask('2002:7f00:1::')).toEqual({ problem: hides('loopback') });
  });

  test('with loopback in them, loopback is still only for a worker on this machine', () => {
    const rules = { allowed: networks(['127.0.0.0/8', '::1']) };
    for (const address of ['127.0.0.1', '::1']) {
      expect(workerAddress(address, { ...rules, isLocal: true })).toEqual({ address });
      expect(workerAddress(address, { ...rules, isLocal: false })).toEqual({ problem: notHere });
    }
  });
});

describe('in every IPv6 form and any spelling', () => {
  type Form = (high: number, low: number, any: () => number) => number[];
  const mapped: Form = (high, low) => [0, 0, 0, 0, 0, 0xffff, high, low];
  const hidden: [string, Form][] = [
    ['compatible', (high, low) => [0, 0, 0, 0, 0, 0, high, low]],
    ['translated', (high, low) => [0, 0, 0, 0, 0xffff, 0, high, low]],
    ['NAT64', (high, low) => [0x64, 0xff9b, 0, 0, 0, 0, high, low]],
    ['6to4', (high, low, any) => [0x2002, high, low, any(), any(), any(), any(), any()]],
    // The other address of a Teredo pair is a good one: it is not what gets them refused.
    ['Teredo server', (high, low, any) => [0x2001, 0, high, low, any(), any(), 0x3fff, 0xfdd2]],
    [
      'Teredo client',
      (high, low, any) => [0x2001, 0, 0x4136, 0xe378, any(), any(), high ^ 0xffff, low ^ 0xffff],
    ],
    ['ISATAP', (high, low, any) => [0x2001, 0xdb8, any(), any(), 0, 0x5efe, high, low]],
    ['ISATAP, universal', (high, low, any) => [0xfd00, any(), 0, any(), 0x200, 0x5efe, high, low]],
  ];
  // [first, last] of what is refused from anywhere.
  const forbidden: [string, number, number][] = [
    ['unspecified', 0x00000000, 0x00ffffff],
    ['loopback', 0x7f000000, 0x7fffffff],
    ['link-local', 0xa9fe0000, 0xa9feffff],
    ['multicast', 0xe0000000, 0xefffffff],
    ['reserved', 0xf0000000, 0xfffffffe],
    ['broadcast', 0xffffffff, 0xffffffff],
  ];

  const dotted = (bits: number) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');

  /** One of the many ways to write these eight groups. */
  function spelling(groups: number[], random: SeededRandom): string {
    const written = groups.map((group) => {
      const hex = group.toString(16).padStart(random.whole(1, 4), '0');
      return random.chance(0.5) ? hex : hex.toUpperCase();
    });
    if (random.chance(0.4)) written.splice(6, 2, dotted((groups[6]! << 16) | groups[7]!));
    const zero = written.map((group) => /^0+$/.test(group));
    const start = random.whole(0, written.length - 1);
    if (!zero[start] || random.chance(0.3)) return written.join(':');
    let end = start + 1;
    while (zero[end] && random.chance(0.8)) end++;
    return `${written.slice(0, start).join(':')}::${written.slice(end).join(':')}`;
  }

  /** `count` addresses of a range, its ends among them, each spelled in several ways. */
  function* spelled(form: Form, first: number, last: number, count: number, random: SeededRandom) {
    const any = () => random.whole(0, 0xffff);
    for (let n = 0; n < count; n++) {
      const ipv4 = n === 0 ? first : n === 1 ? last : random.whole(first, last);
      const groups = form(ipv4 >>> 16, ipv4 & 0xffff, any);
      for (let times = 0; times < 8; times++) {
        const ip = spelling(groups, random);
        if (!isIPv6(ip)) throw new Error(`The test writes no address: ${ip}`);
        yield { ip, ipv4: dotted(ipv4) };
      }
    }
  }

  test.each(forbidden)('what is %s is refused', (kind, first, last) => {
    const random = new SeededRandom(first);
    for (const [, form] of hidden) {
      for (const { ip } of spelled(form, first, last, 50, random)) {
        // Of the compatible ones, :: and ::1 are more than that.
        if (form === hidden[0]![1] && first === 0 && /^[0:.]*1?$/.test(ip)) continue;
        for (const isLocal of [true, false])
          expect([ip, workerAddress(ip, from(isLocal))]).toEqual([ip, { problem: hides(kind) }]);
      }
    }
  });

  test.each(forbidden)('what is %s is the same when mapped', (_, first, last) => {
    for (const { ip, ipv4 } of spelled(mapped, first, last, 50, new SeededRandom(last))) {
      for (const isLocal of [true, false]) {
        const plain = workerAddress(ipv4, from(isLocal));
        expect('problem' in plain).toBe(!(isLocal && ipv4.startsWith('127.')));
        expect([ip, workerAddress(ip, from(isLocal))]).toEqual([ip, plain]);
      }
    }
  });

  test('a public address is not refused for its form, and comes out in one spelling', () => {
    const random = new SeededRandom(1);
    for (const [name, form] of [...hidden, ['mapped', mapped] as const]) {
      const spellings = new Map<string, Set<string>>();
      for (const { ip, ipv4 } of spelled(form, 0x01000000, 0x01ffffff, 50, random)) {
        const result = workerAddress(ip, from(false));
        if ('problem' in result) throw new Error(`${name} ${ip}: ${result.problem}`);
        spellings.set(ipv4, (spellings.get(ipv4) ?? new Set()).add(result.address));
      }
      for (const [ipv4, seen] of spellings)
        expect([name, ipv4, seen.size]).toEqual([name, ipv4, 1]);
    }
  });
});
