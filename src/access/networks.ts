import { BlockList, isIP, isIPv4 } from 'node:net';

/** A set of addresses and networks, for `inNetworks`. */
export type Networks = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

/**
 * One spelling for each address: IPv6 shortened and in lower case, an IPv4 address mapped into IPv6
 * as plain IPv4, no zone. Undefined for anything that is not an address.
 */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  if (isIP(bare) !== 6) return undefined;
  // The tail in hex: the URL of Bun 1.4.5 throws when it is dotted behind a `::` of two groups.
  const hex = bare.replace(/(\d+)\.(\d+)(\.?)/g, (_, high, low, more) => {
    return ((Number(high) << 8) | Number(low)).toString(16) + (more && ':');
  });
  const short = new URL(`http://[${hex}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (!mapped) return short;
  const high = parseInt(mapped[1]!, 16);
  const low = parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * What counts as one client where clients are counted: an IPv4 address, and of IPv6 the /64, for a
 * host is given that many addresses and may use another for each request. Of a normal address.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const [head, tail] = address.split('::') as [string, string?];
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    while (groups.length + last.length < 8) groups.push('0');
    groups.push(...last);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** A normal address with a port, as a URL has them. */
export function hostPort(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** What is wrong with an address or CIDR network, worded to follow "must"; undefined: nothing. */
export function networkProblem(text: string): string | undefined {
  return parseNetwork(text) ? undefined : 'be an address or a network such as "10.0.0.0/8"';
}

/** The set of these addresses and CIDR networks, IPv4 and IPv6; throws for anything else. */
export function networks(list: readonly string[]): Networks {
  // One list for each: a shared one takes an IPv4 address for part of ::/0, being mapped there.
  const set = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of list) {
    const network = parseNetwork(text);
    if (!network) throw new Error(`Neither an address nor a network: ${JSON.stringify(text)}`);
    const kind = family(network.address);
    set[kind].addSubnet(network.address, network.bits, kind);
  }
  return set;
}

/** Whether a normal address is in the set. */
export function inNetworks(set: Networks, address: string): boolean {
  return set[family(address)].check(address, family(address));
}

/** Whether a listener on this host can be reached from this machine only. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const address = normalAddress(bare);
  if (address === undefined) return bare.toLowerCase() === 'localhost';
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

function parseNetwork(text: string): { address: string; bits: number } | undefined {
  const [, written, suffix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = written === undefined ? undefined : normalAddress(written);
  if (address === undefined) return undefined;
  const widest = isIPv4(address) ? 32 : 128;
  // A network of mapped addresses counts its bits from the front of the IPv6 form.
  const offset = isIPv4(written!) ? 0 : 128 - widest;
  const bits = suffix === undefined ? widest : Number(suffix) - offset;
  return bits >= 0 && bits <= widest ? { address, bits } : undefined;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
