import { createHash, timingSafeEqual } from 'node:crypto';
import { channelPatterns, type ChannelPatterns } from './channel-patterns.ts';

/** What a valid key may do. The key itself is not in it, so that it cannot reach a log. */
export interface ApiKey<Role extends string = string> {
  name: string;
  /** Undefined: every role. */
  role: Role | undefined;
  /** Undefined: every channel. */
  channels: ChannelPatterns | undefined;
}

export interface ApiKeys<Role extends string = string> {
  /** Takes the same time whichever key it is, and whether it is one; undefined: refuse with 401. */
  find(presented: string | undefined): ApiKey<Role> | undefined;
}

/** The keys that are valid, from the configuration's list. */
export function apiKeys<Role extends string>(
  list: readonly { name: string; key: string; role?: Role; channels?: readonly string[] }[],
): ApiKeys<Role> {
  const known = list.map(({ name, key, role, channels }) => ({
    digest: sha256(key),
    key: { name, role, channels: channels && channelPatterns(channels) } satisfies ApiKey<Role>,
  }));
  return {
    find(presented) {
      if (presented === undefined) return undefined;
      const digest = sha256(presented);
      let found: ApiKey<Role> | undefined;
      for (const each of known) if (timingSafeEqual(each.digest, digest)) found = each.key;
      return found;
    },
  };
}

/**
 * The key that a request shows: `?api_key=` (the first, if repeated), `X-API-Key`, or
 * `Authorization: Bearer`, in that order. An empty one counts as none.
 */
export function presentedKey(url: string, headers: Headers): string | undefined {
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1];
  return new URLSearchParams(query).get('api_key') || headerKey(headers);
}

/** The same without the URL, for parts whose keys must not stand in one. */
export function headerKey(headers: Headers): string | undefined {
  const bearer = /^bearer[ \t]+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  return headers.get('x-api-key') || bearer || undefined;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
