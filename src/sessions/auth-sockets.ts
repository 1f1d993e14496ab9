import { Answers } from '../sockets/answers.ts';
import type { Cancel, Clock, Peer } from '../sockets/ports.ts';
import type { RefusalName } from './figures.ts';
import {
  encodeAnswer,
  encodeError,
  Fault,
  readRequest,
  requestOf,
  type SessionRequest,
  sessionRefusals,
} from './messages.ts';
import type { Sessions } from './sessions.ts';

export interface AuthSocketsLimits {
  /** How long a connection may take to say something valid. */
  handshakeTimeoutMs: number;
  pingIntervalMs: number;
  jsonDepthMax: number;
}

/** Requests of one connection that wait for their answer; past it 429, past the second the end. */
const waitingMax = 16;
const floodMax = 64;
/** Bytes of answers that a connection may leave unread; past it the end. */
const unreadBytesMax = 1024 ** 2;
/** After so many frames of a connection somebody looks at that. */
const framesPerLook = 1000;

/** A connection of `/auth`. */
export interface AuthSeat {
  readonly peer: Peer;
  readonly address: string;
  readonly openedMs: number;
  readonly answers: Answers;
  seenMs: number;
  pingedMs: number;
  frames: number;
  /** It has said something that was granted. */
  isValid: boolean;
  isClosed: boolean;
}

/** `/auth` by WebSocket: answers in the order of the messages. */
export class AuthSockets {
  private readonly seats = new Set<AuthSeat>();
  private readonly sweepMs: number;
  private stopSweeping: Cancel = () => {};

  constructor(
    private readonly ports: { clock: Clock; sessions: Pick<Sessions, 'answer' | 'figures'> },
    private readonly limits: AuthSocketsLimits,
  ) {
    const shortest = Math.min(limits.handshakeTimeoutMs, limits.pingIntervalMs);
    this.sweepMs = Math.max(10, Math.min(1000, shortest / 4));
  }

  /** Connections. */
  get size(): number {
    return this.seats.size;
  }

  begin(): void {
    this.stopSweeping = this.ports.clock.after(this.sweepMs, () => {
      this.sweep();
      this.begin();
    });
  }

  /** Ends every connection. */
  end(): void {
    this.stopSweeping();
    const { close, message } = sessionRefusals.goingAway;
    for (const { peer } of this.seats) peer.close(close, message);
  }

  /** `userId` as the URL has it, if it does: that user is let in at once. */
  open(peer: Peer, address: string, userId: string | undefined): AuthSeat {
    const nowMs = this.ports.clock.now();
    const seat: AuthSeat = {
      peer,
      address,
      openedMs: nowMs,
      answers: new Answers(peer, this.ports.clock),
      seenMs: nowMs,
      pingedMs: nowMs,
      frames: 0,
      isValid: false,
      isClosed: false,
    };
    this.seats.add(seat);
    if (userId !== undefined) this.request(seat, requestOf(userId));
    return seat;
  }

  /** A frame; undefined for a binary one. */
  frame(seat: AuthSeat, text: string | undefined): void {
    this.alive(seat);
    seat.frames += 1;
    // Within a handler its buffer reads 0.
    if (seat.frames % framesPerLook === 0) this.ports.clock.nextTurn(() => this.look(seat));
    const { waiting } = seat.answers;
    if (waiting >= floodMax) this.endFor(seat, 'floods');
    else if (waiting >= waitingMax) this.refuse(seat, 'tooManyRequests');
    else if (text === undefined) this.request(seat, new Fault('not text'));
    else this.request(seat, readRequest(text, this.limits.jsonDepthMax));
  }

  alive(seat: AuthSeat): void {
    seat.seenMs = this.ports.clock.now();
  }

  closed(seat: AuthSeat): void {
    seat.isClosed = true;
    this.seats.delete(seat);
  }

  private request(seat: AuthSeat, request: SessionRequest | Fault): void {
    if (request instanceof Fault) return this.refuse(seat, 'badMessage', request.detail);
    const settle = seat.answers.later();
    void this.ports.sessions.answer(request, seat.address).then((answer) => {
      seat.isValid ||= !('refusal' in answer);
      if (!seat.isClosed) settle(encodeAnswer(request.type, answer));
    });
  }

  private look(seat: AuthSeat): void {
    if (!seat.isClosed && seat.peer.getBufferedAmount() > unreadBytesMax)
      this.endFor(seat, 'floods');
  }

  private refuse({ answers }: AuthSeat, name: RefusalName, detail?: string): void {
    this.ports.sessions.figures.refused[name] += 1;
    answers.now(encodeError(sessionRefusals[name], detail));
  }

  private endFor({ peer }: AuthSeat, name: 'floods' | 'silent'): void {
    this.ports.sessions.figures.refused[name] += 1;
    const { close, message } = sessionRefusals[name];
    peer.close(close, message);
  }

  private sweep(): void {
    const nowMs = this.ports.clock.now();
    const { handshakeTimeoutMs, pingIntervalMs } = this.limits;
    for (const seat of this.seats) {
      const { peer } = seat;
      if (!seat.isValid && nowMs - seat.openedMs >= handshakeTimeoutMs) this.endFor(seat, 'silent');
      else if (nowMs - seat.seenMs >= 2 * pingIntervalMs) peer.terminate();
      else if (nowMs - seat.pingedMs >= pingIntervalMs) {
        seat.pingedMs = nowMs;
        peer.ping('');
      }
    }
  }
}
