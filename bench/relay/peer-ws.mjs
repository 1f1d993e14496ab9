// The same job on Node with `ws`: one encoding a message, then a loop of `send` over the channel.
import { WebSocketServer } from 'ws';

const channels = new Map();
let bot;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

server.on('connection', (ws) => {
  let seat;
  ws.on('message', (data) => {
    const receivedAt = new Date().toISOString();
    const frame = JSON.parse(data.toString());
    if (seat === undefined) {
      seat = { type: frame.type, serverId: frame.data.server_id };
      if (seat.type === 'bot') bot = ws;
      else {
        const channel = frame.data.channel_id;
        channels.set(channel, (channels.get(channel) ?? new Set()).add(ws));
      }
      ws.send(`{"status":"connected","type":"${seat.type}"}`);
      return;
    }
    const toBot = seat.type === 'mod';
    const channel = toBot ? frame.destination.channel_id : frame.id;
    const text = Buffer.from(
      JSON.stringify({
        type: seat.type,
        channel_id: channel,
        author: frame.author,
        content: frame.content,
        meta: frame.meta,
        ts: frame.ts,
        received_at: receivedAt,
        forwarded_at: new Date().toISOString(),
        msg_id: frame.msg_id,
        server_id: toBot ? seat.serverId : undefined,
      }),
    );
    if (toBot) bot?.send(text, { binary: false });
    else for (const mod of channels.get(channel) ?? []) mod.send(text, { binary: false });
    ws.send(JSON.stringify({ status: 'completed', type: seat.type, msg_id: frame.msg_id }));
  });
});
