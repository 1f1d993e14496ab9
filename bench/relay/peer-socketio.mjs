// The same job on Node with socket.io: rooms for channels, WebSocket transport only, no upgrade step.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
  socket.on('handshake', ({ type, data }) => {
    const seat = { type, serverId: data.server_id };
    socket.join(type === 'bot' ? 'bot' : `c/${data.channel_id}`);
    socket.on('message', (frame) => {
      const receivedAt = new Date().toISOString();
      const toBot = type === 'mod';
      const channel = toBot ? frame.destination.channel_id : frame.id;
      io.to(toBot ? 'bot' : `c/${channel}`).emit('message', {
        type,
        channel_id: channel,
        author: frame.author,
        content: frame.content,
        meta: frame.meta,
        ts: frame.ts,
        received_at: receivedAt,
        forwarded_at: new Date().toISOString(),
        msg_id: frame.msg_id,
        server_id: toBot ? seat.serverId : undefined,
      });
      socket.emit('ack', { status: 'completed', type, msg_id: frame.msg_id });
    });
    socket.emit('ack', { status: 'connected', type });
  });
});

http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}`));
