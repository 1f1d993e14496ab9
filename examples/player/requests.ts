import { backOff } from '../link.ts';
import type { Frame } from './frames.ts';

export interface RequestsOptions {
  /** The first wait after a "too many" (429); it doubles up to 30 times this. */
  backOffMs: number;
  /** How long a request may stay without an answer. */
  answerMs: number;
}

/** Whether a request is sent again on the next connection when this one ends before its answer. */
export type Span = 'lasting' | 'this connection';

interface Request {
  frames: object[];
  isAnswer: (frame: Frame) => boolean;
  span: Span;
  settle: (answer: Frame) => void;
  tries: number;
  refusal: Frame | undefined;
}

export type Requests = ReturnType<typeof createRequests>;

const triesMax = 6;
const lost: Frame = { type: 'lost' };

/**
 * What we ask of the server, in order. One request is under way at a time: an `error` does not say
 * what it is about, so this way it can only be about that one.
 */
export function createRequests({ backOffMs, answerMs }: RequestsOptions) {
  let waiting: Request[] = [];
  let send: ((text: string) => void) | undefined;
  /** `pausing`: the first one was too much, and goes out again a little later. */
  let state: 'idle' | 'asked' | 'pausing' = 'idle';
  let timer: Timer | undefined;
  let hasEnded = false;

  function add(
    frames: object[],
    isAnswer: Request['isAnswer'],
    span: Span = 'lasting',
  ): Promise<Frame> {
    return new Promise((settle) => {
      if (hasEnded) return settle(lost);
      waiting.push({ frames, isAnswer, span, settle, tries: 0, refusal: undefined });
      sendNext();
    });
  }

  function sendNext(): void {
    const request = waiting[0];
    if (request === undefined || send === undefined || state !== 'idle') return;
    state = 'asked';
    request.refusal = undefined;
    const error = { type: 'error', message: `no answer within ${answerMs / 1000} s` };
    timer = setTimeout(() => finish(error), answerMs);
    for (const frame of request.frames) send(JSON.stringify(frame));
  }

  function finish(answer: Frame): void {
    const request = waiting.shift();
    stop();
    request?.settle(answer);
    sendNext();
  }

  function stop(): void {
    clearTimeout(timer);
    state = 'idle';
  }

  function onError(request: Request, error: Frame): void {
    request.tries += 1;
    if (error.code === 429 && request.tries < triesMax) {
      clearTimeout(timer);
      state = 'pausing';
      const waitMs = backOff(request.tries, backOffMs);
      timer = setTimeout(() => {
        stop();
        sendNext();
      }, waitMs);
    } else if (request.frames.length === 1) finish(error);
    else request.refusal ??= error;
  }

  return {
    /**
     * Sends `frame` when its turn comes. Resolves with its answer, with an `error`, or, when the
     * connection for which it was meant is gone, with `lost`.
     */
    ask: (frame: object, isAnswer: Request['isAnswer'], span?: Span): Promise<Frame> =>
      add([frame], isAnswer, span),

    /** The same for a frame without an answer: a ping goes behind it, for an error comes before the pong. */
    tell: (frame: object, span?: Span): Promise<Frame> =>
      add([frame, { type: 'ping' }], ({ type }) => type === 'pong', span),

    /** Whether the frame has to do with a request. */
    onFrame(frame: Frame): boolean {
      const request = waiting[0];
      // The pong behind a frame that was too much is no answer.
      if (state === 'pausing') return frame.type === 'error';
      if (request === undefined || state !== 'asked') return false;
      if (frame.type === 'error') onError(request, frame);
      else if (request.isAnswer(frame)) finish(request.refusal ?? frame);
      else return false;
      return true;
    },

    connected(sender: (text: string) => void): void {
      send = sender;
      sendNext();
    },

    disconnected(): void {
      send = undefined;
      stop();
      const gone = waiting.filter(({ span }) => span !== 'lasting');
      waiting = waiting.filter(({ span }) => span === 'lasting');
      for (const { settle } of gone) settle(lost);
    },

    /** Nothing will be sent any more. */
    end(): void {
      hasEnded = true;
      send = undefined;
      stop();
      for (const { settle } of waiting.splice(0)) settle(lost);
    },
  };
}
