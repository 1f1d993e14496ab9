import { isLoopbackHost } from './networks.ts';

/**
 * Whether a request may name this `Host`. A listener on loopback answers to loopback names only,
 * or to `allowedHosts` (with or without a port): a page whose own name was rebound to 127.0.0.1
 * sends that name. Any other listener answers to every name. Refused: 403.
 */
export function hostAllowed(
  host: string | null | undefined,
  listenerIsLoopback: boolean,
  allowedHosts: readonly string[],
): boolean {
  if (!listenerIsLoopback) return true;
  const name = nameOf(host ?? '');
  if (name === undefined) return false;
  if (isLoopbackHost(name) || name.endsWith('.localhost')) return true;
  const written = host!.toLowerCase();
  const accepted = [written, written.replace(/:\d+$/, '')];
  return allowedHosts.some((allowed) => accepted.includes(allowed.toLowerCase()));
}

/**
 * Whether a page of this `Origin` may upgrade, or send anything but a GET: its host and port must
 * be the request's own, or the origin must be listed. `null` is refused, no Origin (no browser) is
 * allowed. Refused: 403.
 */
export function originAllowed(
  origin: string | null | undefined,
  host: string | null | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === null || origin === undefined) return true;
  const written = origin.toLowerCase().replace(/\/$/, '');
  if (allowedOrigins.some((allowed) => allowed.toLowerCase() === written)) return true;
  const [, scheme, rest] = /^((?:http|ws)s?:\/\/)([^/?#@\\\s]+)$/.exec(written) ?? [];
  if (scheme === undefined || !host || nameOf(host) === undefined) return false;
  const own = URL.parse(scheme + host)?.host;
  return own !== undefined && own === URL.parse(scheme + rest)?.host;
}

/** The name of a `Host` header, in lower case, without port, brackets and final dot. */
function nameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@\\[\]]+?)\.?)(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
