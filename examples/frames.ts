/** The first frame of a connection. */
export type Handshake =
  | { type: 'mod'; data: { server_id: string; channel_id: string } }
  | { type: 'bot'; data: { bot_id: string } };

/** What a client sends. A mod adds `destination`, a bot puts the channel into `id`. */
export interface Outgoing {
  msg_id: string;
  id: string;
  destination?: { channel_id: string };
  author: { id: string; name?: string };
  content: string;
  meta?: Record<string, unknown>;
  ts?: string;
}

/** What arrives from the other side. Only a bot is told the `server_id`. */
export interface Arrived {
  type: string;
  channel_id: string;
  server_id?: string;
  msg_id?: string;
  author: { id: string; name?: string };
  content: string;
  meta?: Record<string, unknown>;
  ts?: string;
}

/** A frame of the relay: a message, an acknowledgement, a refusal, or something that we do not know. */
export type Frame =
  | { is: 'message'; message: Arrived }
  | { is: 'status'; status: string; msgId: unknown }
  | { is: 'refusal'; code: number; text: string }
  | { is: 'unknown' };

export function readFrame(text: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {}
  if (typeof frame !== 'object' || frame === null) return { is: 'unknown' };
  const { status, code, msg_id, message } = frame as Record<string, unknown>;
  if (typeof status === 'string') return { is: 'status', status, msgId: msg_id };
  if (typeof code === 'number') return { is: 'refusal', code, text: `${message} (${code})` };
  return isArrived(frame) ? { is: 'message', message: frame } : { is: 'unknown' };
}

function isArrived(frame: object): frame is Arrived {
  const { channel_id, author, content } = frame as Partial<Arrived>;
  return (
    typeof channel_id === 'string' &&
    typeof content === 'string' &&
    typeof author?.id === 'string' &&
    ['string', 'undefined'].includes(typeof author.name)
  );
}
