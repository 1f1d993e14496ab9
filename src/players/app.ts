import { Elysia } from 'elysia';
import { operation } from '../openapi.ts';
import { refusedResponse } from '../refusal.ts';
import type { SocketData, SocketPart, Sockets } from '../sockets/accept.ts';
import { playerRefusals } from './messages.ts';
import { playerOperation } from './operations.ts';
import type { Players } from './players.ts';
import type { PlayerPeer, PlayerSeat } from './seat.ts';

export interface PlayersAppPorts {
  players: Players;
  sockets: Sockets;
  /** Largest frame, in bytes. */
  bytesMax: number;
  unauthenticatedMax: number;
  server(): Bun.Server<SocketData>;
  addressOf(request: Request): string;
}

/** `/player`: the upgrade, and native socket events for the core. */
export function playersApp(ports: PlayersAppPorts) {
  const { players, sockets } = ports;
  const seatOf = (peer: { data: { seat: unknown } }) => peer.data.seat as PlayerSeat;
  const part: SocketPart = {
    bytesMax: ports.bytesMax,
    opened: (peer) => {
      // Until here its address waited in the seat's place.
      peer.data.seat = players.open(peer as PlayerPeer, peer.data.seat as string);
    },
    text: (peer, text) => players.frame(seatOf(peer), text),
    binary: (peer, bytes) => players.bytes(seatOf(peer), bytes),
    pong: (peer, payload) => players.pong(seatOf(peer), payload),
    drained: (peer) => players.drained(seatOf(peer)),
    closed: (peer, code) => players.closed(seatOf(peer), code),
  };

  return new Elysia({ name: 'players' }).get(
    '/player',
    ({ request }) => {
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
        return refusedResponse(playerRefusals.notUpgrading);
      const address = ports.addressOf(request);
      if (players.strangers.of(address) >= ports.unauthenticatedMax)
        return refusedResponse(playerRefusals.tooManyUnauthenticated);
      const data = { seat: address, part, address };
      const refusal = sockets.accept(ports.server(), request, data);
      return refusal && refusedResponse(refusal);
    },
    operation(playerOperation),
  );
}
