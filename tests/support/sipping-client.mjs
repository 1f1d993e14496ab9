// A bot that takes one byte a second from its socket, run by Node, whose sockets can read that
// little (`onread`): node sipping-client.mjs PORT KEY. Says "joined" and, at the end, "ended".
import { connect } from 'node:net';

const [port, key] = process.argv.slice(2);
const hello = Buffer.from('{"type":"bot","data":{"bot_id":"sip"}}');
const byte = Buffer.alloc(1);
let seen = '';

const socket = connect({
  port: Number(port),
  host: '127.0.0.1',
  onread: { buffer: byte, callback },
});

function callback() {
  // What comes until it is in, it reads at full speed.
  if (seen.endsWith('"connected","type":"bot"}')) {
    setTimeout(() => socket.resume(), 1000);
    return false;
  }
  seen += byte.toString('latin1');
  if (seen.endsWith('\r\n\r\n'))
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]));
  if (seen.endsWith('"connected","type":"bot"}')) console.log('joined');
  return true;
}

socket.on('error', () => {});
socket.on('close', () => {
  console.log('ended');
  process.exit();
});
socket.write(
  `GET /sync HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW9vbnN0ZWFkLXRlc3RzIQ==\r\n' +
    `X-API-Key: ${key}\r\n\r\n`,
);
// Empty pongs are signs of life, and fail once the server has let go of the connection.
setInterval(() => socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])), 200);
