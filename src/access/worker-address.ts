import { inNetworks, isLoopbackHost, networks, normalAddress, type Networks } from './networks.ts';

const never: readonly (readonly [kind: string, Networks])[] = [
  ['link-local', networks(['169.254.0.0/16', 'fe80::/10'])],
  ['multicast', networks(['224.0.0.0/4', 'ff00::/8'])],
  ['broadcast', networks(['255.255.255.255'])],
  ['reserved', networks(['240.0.0.0/4'])],
  ['unspecified', networks(['0.0.0.0/8', '::'])],
  ['local-use NAT64', networks(['64:ff9b:1::/48'])],
];

/** Where in the 32 hex digits of an IPv6 address an IPv4 address hides; mapped ones are normally IPv4. */
const hiding = [
  /^0{24}(.{8})$/, // IPv4-compatible (RFC 4291)
  /^0{16}ffff0000(.{8})$/, // IPv4-translated (RFC 2765)
  /^0064ff9b0{16}(.{8})$/, // NAT64 (RFC 6052)
  /^2002(.{8})/, // 6to4 (RFC 3056)
  /^20010000(.{8})/, // Teredo, the server (RFC 4380)
  /0[0-3]005efe(.{8})$/, // ISATAP, universal and group bits either way (RFC 5214)
];
const teredoClient = /^20010000.{16}(.{8})$/; // every bit inverted

/**
 * Where a worker's `ip` points: its normal spelling, to connect to (IPv6 without brackets), or the
 * rule that refuses it, as a sentence. Host names are refused: what they mean can change after the
 * check. An IPv4 address that some gateway would take out of an IPv6 one must keep the rules too,
 * and is never loopback.
 * `isLocal`: the heartbeat came from loopback and carried no forwarding header.
 * `allowed`: the set of `allowed_networks`; undefined: none are configured. An empty set allows nothing.
 */
export function workerAddress(
  ip: string,
  rules: { isLocal: boolean; allowed: Networks | undefined },
): { address: string } | { problem: string } {
  const address = normalAddress(ip);
  if (address === undefined) return { problem: 'ip must be an IP address: host names are refused' };
  if (ip.includes('%')) return { problem: 'ip must not have a zone' };
  const kind = neverKind(address);
  if (kind) return { problem: `ip must not be ${kind}` };
  if (isLoopbackHost(address)) {
    if (!rules.isLocal)
      return { problem: 'ip may be loopback only if the heartbeat came from there, not forwarded' };
  } else {
    // Only here: ::1 would look like a hidden 0.0.0.1.
    for (const hidden of hiddenIPv4(address)) {
      const kind = isLoopbackHost(hidden) ? 'loopback' : neverKind(hidden);
      if (kind) return { problem: `ip must not hide an IPv4 address that is ${kind}` };
    }
  }
  if (rules.allowed && !inNetworks(rules.allowed, address))
    return { problem: 'ip must be in one of the allowed_networks' };
  return { address };
}

function neverKind(address: string): string | undefined {
  return never.find(([, set]) => inNetworks(set, address))?.[0];
}

/** Of a normal address; several forms may overlap in one. */
function hiddenIPv4(address: string): string[] {
  if (!address.includes(':')) return [];
  const digits = hexDigits(address);
  const found = hiding
    .flatMap((form) => form.exec(digits)?.[1] ?? [])
    .map((hex) => parseInt(hex, 16));
  const client = teredoClient.exec(digits)?.[1];
  if (client !== undefined) found.push(~parseInt(client, 16));
  return found.map((bits) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.'));
}

/** The 32 hex digits of a normal IPv6 address. */
function hexDigits(address: string): string {
  const [front, back = ''] = address.split('::').map((half) =>
    half
      .split(':')
      .map((group) => group && group.padStart(4, '0'))
      .join(''),
  );
  return front + back.padStart(32 - front!.length, '0');
}
