import { Elysia } from 'elysia';
import type { ApiKey, ApiKeys } from '../access/api-keys.ts';
import { presentedKey } from '../access/api-keys.ts';
import { channelAllowed } from '../access/channel-patterns.ts';
import { operation } from '../openapi.ts';
import { type Refusal, refusedResponse } from '../refusal.ts';
import type { SocketPart, Sockets } from '../sockets/accept.ts';
import type { Peer } from '../sockets/ports.ts';
import { relayRefusals } from './messages.ts';
import { syncOperation } from './operations.ts';
import type { Relay } from './relay.ts';
import type { RelayKey, Seat } from './seat.ts';

export interface RelayAppPorts {
  relay: Relay;
  keys: ApiKeys<'mod' | 'bot'>;
  sockets: Sockets;
  /** Largest message, in bytes. */
  bytesMax: number;
  /** Who is asking, a trusted proxy's word included. */
  addressOf(request: Request, server: Bun.Server<unknown>): string;
  report(event: string, fields: object): void;
}

/**
 * `GET /sync`: the upgrade, and native socket events for the core. Refused before the upgrade: 426
 * without one, 401 without a valid key, 503 and 429 by the bounds on sockets.
 */
export function relayApp({ relay, keys, sockets, bytesMax, addressOf, report }: RelayAppPorts) {
  const seatOf = (peer: Peer) => peer.data.seat as Seat;
  const part: SocketPart = {
    bytesMax,
    opened: (peer) => {
      // Until here its key waited in the seat's place.
      peer.data.seat = relay.open(peer, peer.data.seat as RelayKey);
    },
    text: (peer, text) => relay.frame(seatOf(peer), text),
    binary: (peer) => relay.frame(seatOf(peer), undefined),
    pong: (peer, payload) => relay.pong(seatOf(peer), payload),
    drained: (peer) => relay.drained(seatOf(peer)),
    closed: (peer, code) => relay.closed(seatOf(peer), code),
  };
  const relayKeys = new WeakMap<ApiKey<'mod' | 'bot'>, RelayKey>();

  function refused(refusal: Refusal): Response {
    relay.counts.refuse(refusal);
    return refusedResponse(refusal);
  }

  function relayKey(key: ApiKey<'mod' | 'bot'>): RelayKey {
    let known = relayKeys.get(key);
    if (known === undefined) {
      const { name, role, channels } = key;
      const allows = channels && ((channel: string) => channelAllowed(channels, channel));
      known = { name, role, allows };
      relayKeys.set(key, known);
    }
    return known;
  }

  return new Elysia({ name: 'relay' }).get(
    '/sync',
    ({ request, server }) => {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
        return refused(relayRefusals.notUpgrading);
      const address = addressOf(request, server!);
      const key = keys.find(presentedKey(request.url, request.headers));
      if (key === undefined) {
        report('key_refused', { address });
        return refused(relayRefusals.badKey);
      }
      const data = { seat: relayKey(key), part, address };
      const refusal = sockets.accept(server as unknown as Bun.Server<typeof data>, request, data);
      return refusal && refusedResponse(refusal);
    },
    operation(syncOperation),
  );
}
