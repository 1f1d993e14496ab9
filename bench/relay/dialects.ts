/** How the same chat message is said to each kind of server. */

export type Role = 'mod' | 'bot';
export interface Ids {
  serverId: string;
  channelId: string;
}

/** One exchange of a handshake: send (if there is something to send), then wait for the text. */
export interface Step {
  send?: string;
  waitFor: string;
}

export interface Dialect {
  path(apiKey: string): string;
  opcode: 1 | 2;
  handshake(role: Role, ids: Ids): Step[];
  /** All messages of one sender are equally long: `number` is written with six digits. */
  message(role: Role, ids: Ids, number: number): string;
  /** A stream of messages in frames that need not end where a message ends (NATS). */
  stream: boolean;
  /** The answer to a frame of one byte, which is the protocol's own ping (socket.io). */
  heartbeat?: string;
}

const common = {
  author: { id: 'discord-user-789', name: 'DiscordUser' },
  content: 'Hello from Discord, and a good evening to everybody on the server!',
  meta: { platform: 'discord', server_name: 'Survival Server' },
  ts: '2025-12-08T10:31:00Z',
};

export const msgId = (number: number) => `msg-${String(number).padStart(6, '0')}`;

const hello = (role: Role, ids: Ids) => ({
  type: role,
  data:
    role === 'bot'
      ? { bot_id: 'bench-bot' }
      : { server_id: ids.serverId, channel_id: ids.channelId },
});

const said = (role: Role, ids: Ids, number: number) =>
  role === 'bot'
    ? { msg_id: msgId(number), id: ids.channelId, ...common }
    : {
        msg_id: msgId(number),
        id: ids.serverId,
        destination: { channel_id: ids.channelId },
        ...common,
      };

const relay: Dialect = {
  path: (apiKey) => `/sync?api_key=${apiKey}`,
  opcode: 1,
  stream: false,
  handshake: (role, ids) => [
    { send: JSON.stringify(hello(role, ids)), waitFor: '"status":"connected"' },
  ],
  message: (role, ids, number) => JSON.stringify(said(role, ids, number)),
};

const socketio: Dialect = {
  path: () => '/socket.io/?EIO=4&transport=websocket',
  opcode: 1,
  stream: false,
  heartbeat: '3',
  handshake: (role, ids) => [
    { waitFor: '0{' },
    { send: '40', waitFor: '40{' },
    {
      send: `42${JSON.stringify(['handshake', hello(role, ids)])}`,
      waitFor: '"status":"connected"',
    },
  ],
  message: (role, ids, number) => `42${JSON.stringify(['message', said(role, ids, number)])}`,
};

/** NATS stamps nothing, so it is given the text that the others deliver. `+OK` acknowledges. */
const nats: Dialect = {
  path: () => '/',
  opcode: 2,
  stream: true,
  handshake: (role, ids) => [
    { waitFor: 'INFO ' },
    {
      send:
        `CONNECT {"verbose":${role === 'bot'},"pedantic":false,"lang":"bench","version":"1"}\r\n` +
        `${role === 'bot' ? '' : `SUB c.${ids.channelId} 1\r\n`}PING\r\n`,
      waitFor: 'PONG\r\n',
    },
  ],
  message: (_role, ids, number) => {
    const text = JSON.stringify({
      type: 'bot',
      channel_id: ids.channelId,
      ...common,
      received_at: '2025-12-08T10:31:00.123Z',
      forwarded_at: '2025-12-08T10:31:00.123Z',
      msg_id: msgId(number),
    });
    return `PUB c.${ids.channelId} ${text.length}\r\n${text}\r\n`;
  },
};

export const dialects = { relay, socketio, nats };
export type DialectName = keyof typeof dialects;
