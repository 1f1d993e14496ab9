import { inNetworks, normalAddress, type Networks } from './networks.ts';

export interface ClientAddress {
  /** In its normal spelling; the peer's own words if they are no address (a Unix socket). */
  address: string;
  /** Whether anything in the headers says that a proxy was in between: such a request is not local. */
  forwarded: boolean;
}

const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

/**
 * Who is asking. `X-Forwarded-For` and `Forwarded` (RFC 7239) count only when the peer is a trusted
 * proxy, and then from the right: the first address that is not a trusted proxy's. Where the chain
 * becomes unreadable, the last proxy that was readable is the client. If both headers are there and
 * disagree, one of them is the client's invention: the peer is the client.
 */
export function clientAddress(peerIp: string, headers: Headers, trusted: Networks): ClientAddress {
  const peer = normalAddress(peerIp) ?? peerIp;
  const forwarded = forwardingHeaders.some((name) => headers.has(name));
  if (!forwarded || normalAddress(peer) === undefined || !inNetworks(trusted, peer)) {
    return { address: peer, forwarded };
  }
  const hops = headers.get('x-forwarded-for');
  const elements = headers.get('forwarded');
  const claims = [];
  if (hops !== null) claims.push(client(peer, hops.split(','), trusted));
  if (elements !== null) claims.push(client(peer, forwardedFor(elements), trusted));
  const [first, second = first] = claims;
  return { address: first !== undefined && first === second ? first : peer, forwarded };
}

function client(peer: string, chain: readonly string[], trusted: Networks): string {
  let address = peer;
  for (const hop of chain.toReversed()) {
    if (!inNetworks(trusted, address)) break;
    const next = hopAddress(hop.trim());
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`. */
function hopAddress(hop: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(hop) ?? [];
  return normalAddress(bracketed ?? plain ?? hop);
}

/** The `for` of each element, empty where it has none; no hops at all if the header is malformed. */
function forwardedFor(header: string): string[] {
  const hops: string[] = [];
  let hop = '';
  const token = "[!#$%&'*+.^_`|~\\w-]+";
  const value = `${token.replace('[', '[:[\\]')}|"(?:[^"\\\\]|\\\\.)*"`;
  const pair = new RegExp(`[ \\t]*(?:(${token})=(${value})[ \\t]*)?([;,]|$)`, 'y');
  for (;;) {
    const match = pair.exec(header);
    if (!match) return [];
    const [, name, written, end] = match;
    if (name?.toLowerCase() === 'for')
      hop = written!.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1');
    if (end === ';') continue;
    hops.push(hop);
    hop = '';
    if (end === '') return hops;
  }
}
