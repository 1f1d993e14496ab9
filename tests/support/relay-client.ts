import { until } from './moonstead.ts';

/** A frame of the relay, parsed. */
export type Frame = Record<string, any>;

/** A client of `/sync` on Bun's own WebSocket; answers pings by itself. */
export class RelayClient {
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;
  private taken = 0;

  private constructor(readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => this.frames.push(JSON.parse(data)));
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  /** Connected, nothing said. Rejects when the upgrade is refused. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<RelayClient> {
    const socket = new WebSocket(url, { headers } as never);
    const client = new RelayClient(socket);
    await until('the upgrade', () => {
      if (client.closed) throw new Error(`refused: ${client.closed.code} ${client.closed.reason}`);
      return socket.readyState === WebSocket.OPEN;
    });
    return client;
  }

  static async mod(url: string, serverId = 'srv', channelId = '100'): Promise<RelayClient> {
    const client = await RelayClient.open(url);
    client.say({ type: 'mod', data: { server_id: serverId, channel_id: channelId } });
    await client.next(({ status }) => status === 'connected');
    return client;
  }

  static async bot(url: string, botId = 'bot'): Promise<RelayClient> {
    const client = await RelayClient.open(url);
    client.say({ type: 'bot', data: { bot_id: botId } });
    await client.next(({ status }) => status === 'connected');
    return client;
  }

  say(...frames: unknown[]): void {
    for (const frame of frames)
      this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The next frame that fits, in order; those before it are passed over. */
  async next(fits: (frame: Frame) => boolean = () => true, deadlineMs?: number): Promise<Frame> {
    return until(
      'a frame',
      () => {
        while (this.taken < this.frames.length) {
          const frame = this.frames[this.taken++]!;
          if (fits(frame)) return frame;
        }
        if (this.closed) throw new Error(`closed: ${this.closed.code} ${this.closed.reason}`);
        return undefined;
      },
      deadlineMs,
    );
  }

  /** Contents of the messages that it was delivered so far. */
  get contents(): string[] {
    return this.frames.filter(({ content }) => content !== undefined).map((frame) => frame.content);
  }

  /** msg_id and status of the answers so far, as `m1 queued`. */
  get answers(): string[] {
    return this.frames
      .filter(({ msg_id: id, content }) => id !== undefined && content === undefined)
      .map(({ msg_id: id, status, code }) => `${id} ${status ?? code}`);
  }

  async ended(): Promise<{ code: number; reason: string }> {
    return until('the close', () => this.closed);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.ended();
  }
}

export function modMessage(msgId: string, content = msgId, more: Frame = {}): Frame {
  return {
    msg_id: msgId,
    id: 'srv',
    destination: { channel_id: '100' },
    author: { id: 'player' },
    content,
    ...more,
  };
}

export function botMessage(msgId: string, content = msgId, more: Frame = {}): Frame {
  return { msg_id: msgId, id: '100', author: { id: 'user' }, content, ...more };
}

/** Fails unless a fresh mod and a fresh bot hear each other. */
export async function stillServes(url: string): Promise<void> {
  const bot = await RelayClient.bot(url, 'well');
  const mod = await RelayClient.mod(url, 'well', 'well');
  const id = `well-${crypto.randomUUID()}`;
  mod.say(modMessage(id, 'hello', { id: 'well', destination: { channel_id: 'well' } }));
  await bot.next((frame) => frame.type === 'mod' && frame.msg_id === id);
  bot.say(botMessage(`${id}-too`, 'hello', { id: 'well' }));
  await mod.next((frame) => frame.type === 'bot' && frame.msg_id === `${id}-too`);
  await Promise.all([mod.close(), bot.close()]);
}
