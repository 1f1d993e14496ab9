// A client of /sync on the npm package `ws`, run by Node. Commands come in as JSON lines, what
// happens goes out as JSON lines: node ws-client.mjs URL OPTIONS
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const [url, options] = process.argv.slice(2);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const socket = new WebSocket(url, JSON.parse(options));

socket.on('open', () => tell({ open: { extensions: socket.extensions } }));
socket.on('message', (data, isBinary) => tell(isBinary ? { binary: true } : { text: `${data}` }));
socket.on('ping', (payload) => tell({ ping: `${payload}` }));
socket.on('pong', (payload) => tell({ pong: `${payload}` }));
socket.on('error', ({ message }) => tell({ error: message }));
socket.on('close', (code, reason) => {
  tell({ close: { code, reason: `${reason}` } });
  process.stdin.destroy();
});
socket.on('unexpected-response', async (_request, response) => {
  let body = '';
  for await (const part of response) body += part;
  tell({ refused: { status: response.statusCode, body: JSON.parse(body) } });
  process.stdin.destroy();
});

createInterface({ input: process.stdin }).on('line', (line) => {
  const { send, parts, ping, close } = JSON.parse(line);
  if (send !== undefined) socket.send(send);
  parts?.forEach((part, at) => socket.send(part, { fin: at === parts.length - 1 }));
  if (ping !== undefined) socket.ping(ping);
  if (close !== undefined) socket.close(close);
});
