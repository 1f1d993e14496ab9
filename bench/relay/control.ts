/**
 * The control row: the least that a Bun program can do and still put the relay's bytes on the wire.
 * Handshake, parse, stamp, native publish, acknowledge; no schema, keys, storage, receipts or
 * metrics. Prints its URL.
 */
interface Seat {
  type?: 'mod' | 'bot';
  serverId: string;
}

const server = Bun.serve<Seat>({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, server) {
    if (server.upgrade(request, { data: { serverId: '' } })) return;
    return new Response('upgrade', { status: 426 });
  },
  websocket: {
    message(ws, text) {
      const receivedAt = new Date().toISOString();
      const frame = JSON.parse(text as string);
      const seat = ws.data;
      if (seat.type === undefined) {
        seat.type = frame.type as 'mod' | 'bot';
        seat.serverId = frame.data.server_id ?? '';
        ws.subscribe(seat.type === 'bot' ? 'bot' : `c/${frame.data.channel_id}`);
        ws.send(`{"status":"connected","type":"${seat.type}"}`);
        return;
      }
      const toBot = seat.type === 'mod';
      const channel = toBot ? frame.destination.channel_id : frame.id;
      server.publish(
        toBot ? 'bot' : `c/${channel}`,
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
      ws.send(JSON.stringify({ status: 'completed', type: seat.type, msg_id: frame.msg_id }));
    },
  },
});
console.log(`http://127.0.0.1:${server.port}`);
export {};
