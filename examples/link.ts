import { readFrame, type Arrived, type Handshake, type Outgoing } from './frames.ts';
import { createOutbox, type Outcome } from './outbox.ts';

export interface LinkOptions {
  /** `ws://host:port`; http and https work too. Without a path, `/sync` is meant. */
  url: string;
  apiKey: string;
  handshake: Handshake;
  /** Called once per message, in order of arrival; repeats have been removed. */
  onMessage: (message: Arrived) => void;
  /** Takes one sentence for the user. */
  say: (text: string) => void;
  /** The first wait before a reconnect, and after a `failed`; it doubles up to 30 times this. */
  backOffMs?: number;
  /** How long the handshake and each message may stay without an answer. */
  answerMs?: number;
  /** The relay pings every 30 s; after this long without a sign of life it counts as gone. */
  quietMs?: number;
  /** How many messages are remembered to tell repeats; a reconnect repeats far fewer. */
  seenMax?: number;
}

export interface Link {
  send: (message: Outgoing) => Promise<Outcome>;
  /** Waits up to 1 s for the answer that is due, then says goodbye. What has none is `unsent`. */
  close: () => void;
  /** Resolves when the link is over: with undefined after `close`, else with the reason. */
  ended: Promise<string | undefined>;
}

const triesMax = 6;
const doubtMs = 1_000;
const closeMs = 1_000;

/** The DOM's types, which come first, do not know what Bun adds. */
const BunSocket = WebSocket as unknown as new (
  url: URL,
  options: Bun.WebSocketOptions,
) => Bun.WebSocket;

/** After these, trying again could only fail again. */
const finalStatus: Record<number, string> = {
  401: 'the relay does not know this API key (401)',
  403: 'this API key may not do that here (403)',
};
const finalClose: Record<number, string> = {
  4400: 'the relay does not understand the handshake (400)',
  4403: 'this API key may not do that here (403)',
  4410: 'another client with the same server and channel took this place (4410)',
};

/** Milliseconds before try number `tries` (from 1): 1, 2, 4, 8, 16 and then 30 times the base. */
export function backOff(tries: number, baseMs: number): number {
  return baseMs * Math.min(30, 2 ** Math.min(tries - 1, 5));
}

/** Connects, and stays connected until `close` or until the relay says a final no. */
export function openLink(options: LinkOptions): Link {
  const {
    handshake,
    onMessage,
    say,
    backOffMs = 1_000,
    answerMs = 30_000,
    seenMax = 10_000,
  } = options;
  const address = new URL(options.url);
  if (address.pathname === '/') address.pathname = '/sync';
  address.protocol = address.protocol.replace('http', 'ws');
  const place = address.origin + address.pathname;

  const outbox = createOutbox(triesMax, doubtMs);
  const seen = new Set<string>();
  const over = Promise.withResolvers<string | undefined>();
  let socket: Bun.WebSocket | undefined;
  let connected = false;
  let underWay = false;
  let tries = 0;
  let ending: { reason: string | undefined } | undefined;
  let answerTimer: Timer | undefined;
  let pauseTimer: Timer | undefined;

  function connect(): void {
    const ws = new BunSocket(address, { headers: { 'X-API-Key': options.apiKey } });
    const quiet = setTimeout(() => ws.terminate(), options.quietMs ?? 75_000);
    let status = 0;
    socket = ws;
    expectAnswer();
    ws.onopen = () => ws.send(JSON.stringify(handshake));
    ws.addEventListener('ping', () => quiet.refresh());
    ws.onmessage = (event) => {
      quiet.refresh();
      if (typeof event.data === 'string') onFrame(event.data);
    };
    // Bun names the HTTP status of a refused upgrade only in this text.
    ws.onerror = (event) => {
      status = Number(/status code: (\d+)/.exec(event.message)?.[1] ?? 0);
    };
    ws.onclose = (event) => {
      clearTimeout(quiet);
      onClose(event.code, status);
    };
  }

  function expectAnswer(): void {
    clearTimeout(answerTimer);
    answerTimer = setTimeout(() => {
      say(`no answer from ${place} within ${answerMs} ms`);
      socket?.terminate();
    }, answerMs);
  }

  function onFrame(text: string): void {
    const frame = readFrame(text);
    if (frame.is === 'message') onArrived(frame.message);
    else if (frame.is === 'status') onStatus(frame.status, frame.msgId);
    else if (frame.is === 'refusal') onRefusal(frame.code, frame.text);
    else say('the relay sent something unknown; left out');
  }

  function onStatus(status: string, msgId: unknown): void {
    if (!connected) {
      if (status !== 'connected') return;
      clearTimeout(answerTimer);
      connected = true;
      tries = 0;
      say(`connected to ${place}`);
      return sendNext();
    }
    // An older relay answers without `msg_id`: with one message under way there is no doubt whose.
    if (!underWay || (msgId !== undefined && msgId !== outbox.first()?.msg_id)) return;
    if (status === 'failed') return tryAgain('the relay could neither deliver nor queue a message');
    answered();
    outbox.finish(status === 'queued' ? 'queued' : 'completed');
    sendNext();
  }

  function onRefusal(code: number, text: string): void {
    if (code === 409) return say('another bot is connected (409), waiting for its place');
    say(`the relay says: ${text}`);
    if (!underWay) return;
    if (code === 429 || code >= 500) return tryAgain('not taken now');
    answered();
    outbox.finish('refused');
    sendNext();
  }

  function tryAgain(why: string): void {
    answered();
    const tried = outbox.again();
    if (tried === 0) {
      say(`${why}; given up after ${triesMax} tries`);
      return sendNext();
    }
    if (ending) return sendNext();
    const waitMs = backOff(tried, backOffMs);
    say(`${why}; trying again in ${waitMs} ms`);
    pauseTimer = setTimeout(() => {
      pauseTimer = undefined;
      sendNext();
    }, waitMs);
  }

  function answered(): void {
    clearTimeout(answerTimer);
    underWay = false;
  }

  function sendNext(): void {
    if (ending) return socket?.close(1000);
    const message = outbox.first();
    if (!message || !connected || underWay || pauseTimer) return;
    underWay = true;
    expectAnswer();
    socket?.send(JSON.stringify(message));
  }

  function onArrived(message: Arrived): void {
    if (message.msg_id !== undefined) {
      // Two servers may count their messages alike.
      const key = JSON.stringify([message.channel_id, message.server_id, message.msg_id]);
      if (seen.has(key)) return;
      seen.add(key);
      if (seen.size > seenMax) for (const oldest of seen.values().take(1)) seen.delete(oldest);
    }
    onMessage(message);
  }

  function onClose(code: number, status: number): void {
    const wasUnderWay = underWay;
    connected = false;
    answered();
    clearTimeout(pauseTimer);
    pauseTimer = undefined;
    if (ending) return finish(ending.reason);
    const final = finalStatus[status] ?? finalClose[code];
    if (final) return finish(final);
    if (code === 1006) outbox.broken();
    if (code === 1009 && wasUnderWay) {
      say('a message is larger than the relay takes (1009); left out');
      outbox.finish('refused');
    }
    tries++;
    const waitMs = backOff(tries, backOffMs);
    say(`no connection to ${place} (${status || code}); trying again in ${waitMs} ms`);
    pauseTimer = setTimeout(() => {
      pauseTimer = undefined;
      connect();
    }, waitMs);
  }

  function finish(reason: string | undefined): void {
    ending = { reason };
    outbox.giveUp();
    over.resolve(reason);
  }

  connect();
  return {
    send(message) {
      const outcome = outbox.add(message);
      if (ending) outbox.giveUp();
      else sendNext();
      return outcome;
    },
    close() {
      if (ending) return;
      ending = { reason: undefined };
      const ws = socket;
      if (!ws || ws.readyState === WebSocket.CLOSED) {
        clearTimeout(pauseTimer);
        return finish(undefined);
      }
      if (!underWay) ws.close(1000);
      setTimeout(() => ws.terminate(), closeMs).unref();
    },
    ended: over.promise,
  };
}
