import type { WorkerAnswer } from './messages.ts';

/** One task on its way to one worker. */
export interface Outgoing {
  taskId: string;
  /** 1 for the first worker that is tried. */
  attempt: number;
  /** When the caller stops waiting, in ms since 1970. */
  deadlineWallMs: number;
  /** JSON text. */
  payload: string;
  /** The caller's `Accept-Encoding`; undefined: nothing encoded. */
  acceptEncoding: string | undefined;
}

/**
 * Why a call brought no whole answer. `closed`: there was no connection, or it ended without a word.
 * `garbled`: what it said is no answer, `detail` says why. `broken`: it broke off its answer.
 */
export interface CallFailure {
  kind: 'closed' | 'garbled' | 'broken';
  detail?: string;
  /** It was for want of something of ours, and says nothing about the worker. */
  isOurs?: boolean;
}

/** Hears what becomes of a call, never before `send` has returned, and nothing after its end. */
export interface CallEvents {
  /** The head of the answer is there. Comes once, before `moved`. */
  answered(answer: WorkerAnswer): void;
  /** Bytes of the answer came. */
  moved(): void;
  /** The answer came whole: the end. */
  ended(): void;
  /** The end, too. */
  failed(failure: CallFailure): void;
}

export interface Call {
  /** Nobody waits any more: the end. An answer that is under way breaks off. */
  cancel(): void;
  /** Whether it is the caller who takes no more bytes at present. */
  readonly isHeldByCaller: boolean;
}

/** The way to one worker. */
export interface Link {
  /** False while its connection takes no more; when that changes the workers are told. */
  readonly isOpen: boolean;
  /** Where it leads, if that is an address: two links to one reach the same worker. */
  readonly address: string | undefined;
  send(task: Outgoing, events: CallEvents): Call;
  /** Another worker has taken its name. */
  replaced(): void;
}

/** HTTP to workers. */
export interface Calls {
  /** `address` is an IP address as `workerAddress` gives it. */
  link(address: string, port: number): Link;
  /** `GET /health` at a link's address: whether the answer was 2xx within `timeoutMs`. Never rejects. */
  check(address: string, timeoutMs: number): Promise<boolean>;
}
