/**
 * The control row: the least that a Bun program can do and still put the players' bytes on the
 * wire. Parse, native publish, acknowledge; a file from the socket to the disk, then from the disk
 * to the socket, all of it synchronous. No schema, sessions, promise, quotas, hash or fsync; with
 * the word "safe", files are hashed and synced. Arguments: a folder for files, perhaps that word.
 * Prints its URL.
 */
import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

interface Upload {
  path: string;
  file: number;
  target: string;
  fileName: string;
  sha256: string;
  fileSize: number;
  received: number;
  hash: Bun.CryptoHasher | undefined;
}
interface Seat {
  userId: string;
  uploads: Map<string, Upload>;
  /** The file that goes to this player. */
  sending?: { id: string; from: string; upload: Upload; frame: Buffer };
}
type Socket = Bun.ServerWebSocket<Seat>;

const folder = process.argv[2]!;
const safe = process.argv[3] === 'safe';
const frameMax = 262_144;
const online = new Map<string, { user: { userId: string }; ws: Socket }>();

const server = Bun.serve<Seat>({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, server) {
    if (request.method === 'POST') {
      const { userId } = (await request.json()) as { userId: string };
      return Response.json({ success: true, token: userId });
    }
    if (server.upgrade(request, { data: { userId: '', uploads: new Map() } })) return;
    return new Response('upgrade', { status: 426 });
  },
  websocket: {
    message(ws, message) {
      if (typeof message !== 'string') return receive(ws, message);
      const frame = JSON.parse(message);
      switch (frame.type) {
        case 'message':
          return say(ws, frame);
        case 'session_auth':
          return enter(ws, frame.token);
        case 'file_send_begin':
          return begin(ws, frame);
        case 'file_send_complete':
          return complete(ws, frame.transferId);
        case 'file_received':
          return unlinkSync(ws.data.sending!.upload.path);
      }
    },
    drain: forward,
    close(ws) {
      const { userId } = ws.data;
      if (!online.delete(userId)) return;
      server.publish('changes', JSON.stringify({ type: 'user_left', userId }));
    },
  },
});
console.log(`http://127.0.0.1:${server.port}`);

function enter(ws: Socket, userId: string): void {
  ws.data.userId = userId;
  const user = { userId };
  online.set(userId, { user, ws });
  const message = 'Authentication successful';
  ws.send(JSON.stringify({ type: 'session_auth_result', success: true, message, userId }));
  const info = 'You are connected through instance moonstead';
  ws.send(JSON.stringify({ type: 'connection_info', message: info }));
  server.publish('changes', JSON.stringify({ type: 'user_joined', userId }));
  const users = Array.from(online.values(), (one) => one.user);
  ws.send(JSON.stringify({ type: 'user_list_update', users }));
  ws.subscribe('changes');
  ws.subscribe(`u/${userId}`);
}

function say(
  ws: Socket,
  { targetUserId, data, msg_id }: { targetUserId: string; data: unknown; msg_id: string },
): void {
  const ts = new Date().toISOString();
  const fromUserId = ws.data.userId;
  if (!online.has(targetUserId)) return;
  const text = JSON.stringify({ type: 'message', fromUserId, data, msg_id, ts });
  server.publish(`u/${targetUserId}`, text);
  ws.send(JSON.stringify({ type: 'message_ack', msg_id, status: 'completed' }));
}

function begin(
  ws: Socket,
  frame: {
    transferId: string;
    targetUserId: string;
    fileName: string;
    fileSize: number;
    sha256: string;
  },
): void {
  const { transferId, targetUserId: target, fileName, fileSize, sha256 } = frame;
  const path = join(folder, transferId);
  const file = openSync(path, 'w+');
  const hash = safe ? new Bun.CryptoHasher('sha256') : undefined;
  const upload = { path, file, target, fileName, fileSize, sha256, hash, received: 0 };
  ws.data.uploads.set(transferId, upload);
  ws.send(JSON.stringify({ type: 'file_receive_ready', transferId, offset: 0 }));
}

function receive(ws: Socket, frame: Buffer): void {
  const transferId = frame.toString('hex', 0, 16);
  const upload = ws.data.uploads.get(transferId)!;
  const bytes = frame.subarray(16);
  writeSync(upload.file, bytes);
  upload.hash?.update(bytes);
  const before = upload.received;
  const received = (upload.received += bytes.length);
  if (received >>> 20 !== before >>> 20)
    ws.send(JSON.stringify({ type: 'file_progress', transferId, received }));
}

function complete(ws: Socket, transferId: string): void {
  const upload = ws.data.uploads.get(transferId)!;
  ws.data.uploads.delete(transferId);
  const { target, fileName, fileSize } = upload;
  const sha256 = upload.hash?.digest('hex') ?? upload.sha256;
  if (safe) fsyncSync(upload.file);
  ws.send(JSON.stringify({ type: 'file_sent', transferId, delivered: true, sha256 }));
  const { ws: to } = online.get(target)!;
  const id = crypto.randomUUID().replaceAll('-', '');
  const from = ws.data.userId;
  const frame = Buffer.alloc(16 + frameMax);
  frame.write(id, 'hex');
  upload.received = 0; // from here on: how much was forwarded
  to.data.sending = { id, from, upload, frame };
  const told = { fromUserId: from, fileName, fileSize, sha256, transferId: id };
  to.send(JSON.stringify({ type: 'file_send_begin', ...told }));
  forward(to);
}

/** Sends until the socket has had enough; its drain goes on. */
function forward(ws: Socket): void {
  const { sending } = ws.data;
  if (sending === undefined) return;
  const { id, from, upload, frame } = sending;
  if (upload.received > upload.fileSize) return;
  for (;;) {
    const length = readSync(upload.file, frame, 16, frameMax, upload.received);
    if (length === 0) break;
    upload.received += length;
    if (ws.send(frame.subarray(0, 16 + length)) === -1) return;
  }
  upload.received = Infinity;
  closeSync(upload.file);
  const told = { transferId: id, fileName: upload.fileName, fromUserId: from };
  ws.send(JSON.stringify({ type: 'file_send_complete', ...told }));
}
