import { type ApiKeys, headerKey } from '../access/api-keys.ts';
import { type ApiRefusal, statusRefusals } from './messages.ts';

export type StatusRole = 'read' | 'admin';

export interface AccessPorts {
  keys: ApiKeys<StatusRole>;
  /** Anybody may read. */
  isPublic: boolean;
  /** Who shows no key may read, unless a proxy was in between: a listener on loopback, without keys. */
  isOpenHere: boolean;
}

/**
 * Why this request may not read; undefined: it may. A wrong key is refused also where everybody may
 * read, but not where there are no keys at all.
 */
export function mayNotRead(
  headers: Headers,
  isForwarded: boolean,
  { keys, isPublic, isOpenHere }: AccessPorts,
): ApiRefusal | undefined {
  if (isOpenHere && !isForwarded) return undefined;
  const presented = headerKey(headers);
  if (presented !== undefined)
    return keys.find(presented) === undefined ? statusRefusals.badKey : undefined;
  return isPublic ? undefined : statusRefusals.keyNeeded;
}

/** The name of the key by which this request may act; else why it may not. */
export function operatorOf(headers: Headers, { keys }: AccessPorts): { by: string } | ApiRefusal {
  const presented = headerKey(headers);
  if (presented === undefined) return statusRefusals.keyNeeded;
  const key = keys.find(presented);
  if (key === undefined) return statusRefusals.badKey;
  return key.role === 'admin' ? { by: key.name } : statusRefusals.notAdmin;
}
