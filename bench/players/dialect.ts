import type { WireDialect } from '../harness/wire.ts';
import { sessionAuth } from './tokens.ts';

/** How a player comes in: with its token; done at the end of the list of who is online. */
export const comeIn = (token: string) => [{ send: sessionAuth(token), waitFor: '}]}' }];

export const playersDialect: WireDialect = { opcode: 1, stream: false };

/** A direct message to the player `receiver`; all are equally long, `number` has six digits. */
export const directMessage = (number: number): string =>
  JSON.stringify({
    type: 'message',
    targetUserId: 'receiver',
    data: {
      text: 'Hello from Limsa Lominsa, and a good evening to everybody on the server!',
      world: 'Twintania',
      position: { x: 12.5, y: 3.25, z: -7.75 },
    },
    msg_id: `msg-${String(number).padStart(6, '0')}`,
  });
