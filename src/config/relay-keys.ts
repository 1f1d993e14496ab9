import { singleKeyName, type Config } from './schema.ts';

/** A key of the relay, as configured. */
export type RelayKey = Config['gateway']['keys'][number];

/** Every key that the relay lets in: the single one, with every right, and those of the list. */
export function relayKeys({ gateway }: Config): RelayKey[] {
  const single = gateway.websocket === '' ? [] : [{ name: singleKeyName, key: gateway.websocket }];
  return [...single, ...gateway.keys];
}
