import type { Figures, RefusalName } from './figures.ts';
import { encodeError, encodeRefusedAuth, playerRefusals } from './messages.ts';
import type { PlayersPorts } from './ports.ts';
import type { PlayerSeat } from './seat.ts';

type All = typeof playerRefusals;
/** Those that end the connection. */
type ClosingName = {
  [Name in RefusalName]: All[Name] extends { close: number } ? Name : never;
}[RefusalName];

/** Says no to a connection, or ends it; counted by the refusal's name. */
export class Refusing {
  constructor(private readonly ports: Pick<PlayersPorts, 'report'> & { figures: Figures }) {}

  /** The connection stays. */
  error(seat: PlayerSeat, name: RefusalName, detail?: string): void {
    this.ports.figures.refused[name] += 1;
    seat.answers.now(encodeError(playerRefusals[name], detail));
  }

  close(seat: PlayerSeat, name: ClosingName, detail?: string): void {
    const { close, message } = playerRefusals[name];
    this.ports.figures.refused[name] += 1;
    this.ports.report('info', 'closing', { code: close, detail });
    seat.peer.close(close, detail ?? message);
  }

  /** An answer to `session_auth`, and the end. */
  auth(seat: PlayerSeat, name: ClosingName): void {
    seat.peer.send(encodeRefusedAuth(playerRefusals[name].message));
    this.close(seat, name);
  }

  /** `bound`: which one, as the settings name it. */
  tooSlow(seat: PlayerSeat, bound: string): void {
    this.ports.figures.closedSlow += 1;
    this.close(seat, 'tooSlow', `too slow (${bound})`);
  }
}
