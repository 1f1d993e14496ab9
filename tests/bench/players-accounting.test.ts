import { expect, test } from 'bun:test';
import type { Job } from '../../bench/harness/load.ts';
import { runLoad } from '../../bench/harness/run-load.ts';

interface Behaviour {
  /** Deliveries of the 40th message. */
  copies?: number;
  /** Acknowledgements after the first say this. */
  status?: string;
  /** How often everybody is told of this one's second coming, and of its second going. */
  comings?: number;
  goings?: number;
  /** Whom the first watcher is told of then. */
  stranger?: string;
  /** What becomes of the frames of the second file, and what follows its end. */
  frames?: (frames: Buffer[]) => Buffer[];
  behind?: Buffer;
}

type Socket = Bun.ServerWebSocket<{ userId: string }>;

const visitor = 'player-000003';

/** A server of players that gets one thing wrong, if told to. */
function playersServer(behaviour: Behaviour) {
  const { copies = 1, status = 'completed', comings = 1, goings = 1 } = behaviour;
  const online = new Map<string, Socket>();
  const frames: Buffer[] = [];
  let messages = 0;
  let visits = 0;
  let files = 0;
  let file: any;

  function tellOf(type: string, userId: string, times: number) {
    const isWrong = userId === visitor && visits === 2;
    for (let n = 0; n < (isWrong ? times : 1); n++) {
      for (const ws of online.values()) {
        const named = isWrong ? (behaviour.stranger ?? userId) : userId;
        ws.send(JSON.stringify({ type, userId: named }));
      }
    }
  }

  function enter(ws: Socket, userId: string) {
    if (userId === visitor) visits++;
    ws.data.userId = userId;
    ws.send(JSON.stringify({ type: 'session_auth_result', success: true, userId }));
    tellOf('user_joined', userId, comings);
    online.set(userId, ws);
    const users = Array.from(online.keys(), (userId) => ({ userId }));
    ws.send(JSON.stringify({ type: 'user_list_update', users }));
  }

  function say(ws: Socket, { targetUserId, msg_id }: any) {
    messages++;
    const text = JSON.stringify({ type: 'message', fromUserId: ws.data.userId, msg_id });
    for (let n = 0; n < (messages === 40 ? copies : 1); n++) online.get(targetUserId)!.send(text);
    const told = messages === 1 ? 'completed' : status;
    ws.send(JSON.stringify({ type: 'message_ack', msg_id, status: told }));
  }

  function forward(ws: Socket) {
    const to = online.get(file.targetUserId)!;
    const isWrong = ++files === 2;
    ws.send(JSON.stringify({ type: 'file_sent', transferId: file.transferId }));
    to.send(JSON.stringify({ ...file, type: 'file_send_begin' }));
    const whole = frames.splice(0);
    for (const frame of isWrong ? (behaviour.frames?.(whole) ?? whole) : whole) to.send(frame);
    to.send(JSON.stringify({ type: 'file_send_complete', transferId: file.transferId }));
    if (isWrong && behaviour.behind !== undefined) to.send(behaviour.behind);
  }

  return Bun.serve<{ userId: string }>({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request, server) {
      if (server.upgrade(request, { data: { userId: '' } })) return undefined;
      return Response.json({ token: ((await request.json()) as { userId: string }).userId });
    },
    websocket: {
      message(ws, message) {
        if (typeof message !== 'string') return void frames.push(Buffer.from(message));
        const frame = JSON.parse(message);
        if (frame.type === 'session_auth') enter(ws, frame.token);
        if (frame.type === 'message') say(ws, frame);
        if (frame.type === 'file_send_complete') forward(ws);
        if (frame.type !== 'file_send_begin') return;
        file = frame;
        ws.send(JSON.stringify({ type: 'file_receive_ready', transferId: frame.transferId }));
      },
      close(ws) {
        if (online.delete(ws.data.userId)) tellOf('user_left', ws.data.userId, goings);
      },
    },
  });
}

type Target = { name: string; port: number; pid: number };

/** Runs a job against such a server. */
async function load<J extends Job>(behaviour: Behaviour, job: (target: Target) => J) {
  const server = playersServer(behaviour);
  try {
    return await runLoad(job({ name: 'a server', port: server.port!, pid: process.pid }));
  } finally {
    await server.stop(true);
  }
}

const plan = { pairs: 1, pairMs: 20, warmMs: 10, turnMs: 4 };
/** For what never comes; whatever does come may take longer. */
const brief = { waitMs: 300 };

const direct = (behaviour: Behaviour, wait = {}) =>
  load(behaviour, (target) => ({ kind: 'players-direct', targets: [target], ...plan, ...wait }));

const presence = (behaviour: Behaviour, wait = {}) =>
  load(behaviour, (target) => ({
    kind: 'players-presence',
    targets: [target],
    watchers: 3,
    ...plan,
    ...wait,
  }));

const frameBytes = 262_144;
const file = (behaviour: Behaviour) =>
  load(behaviour, (target) => ({ kind: 'players-file', target, fileBytes: 4 * frameBytes }));

test('every message from player to player is counted, and what was said of it', async () => {
  const { account, pairs, seen } = await direct({});
  expect(account.sent).toBeGreaterThanOrEqual(2 * 64);
  expect(account.sent % 64).toBe(0);
  expect(account.acknowledged).toBe(account.sent);
  expect(account.delivered).toBe(account.sent);
  expect(pairs).toHaveLength(1);
  expect(pairs[0]![0]!.perSecond).toBeGreaterThan(0);
  expect(JSON.parse(seen[0]!.delivered)).toEqual({
    type: 'message',
    fromUserId: 'sender',
    msg_id: 'msg-000000',
  });
});

test('one delivery too many to a player voids the run', async () => {
  await expect(direct({ copies: 2 })).rejects.toThrow(
    /void: a server: receiver got (\d+) messages, not (?!\1)\d+/,
  );
});

test('one delivery too few to a player voids the run', async () => {
  await expect(direct({ copies: 0 }, brief)).rejects.toThrow(
    /void: waited 300 ms for a server: receiver: (\d+) of (?!\1)\d+/,
  );
});

test('a message between players that is acknowledged with another word voids the run', async () => {
  await expect(direct({ status: 'queued' })).rejects.toThrow(
    /void: a server: sender got a frame of/,
  );
});

test('every coming and going is counted for everybody', async () => {
  const { account, told } = await presence({});
  expect(account.acknowledged).toBeGreaterThanOrEqual(2);
  expect(account.sent).toBe(2 * account.acknowledged);
  expect(account.delivered).toBe(3 * account.sent);
  expect(told).toEqual(['{"type":"user_joined","userId":"player-000001"}']);
});

test.each(['comings', 'goings'] as const)('one of the %s told twice voids the run', async (of) => {
  await expect(presence({ [of]: 2 })).rejects.toThrow(
    /void: a server: player-00000\d got (\d+) messages, not (?!\1)\d+/,
  );
});

test.each(['comings', 'goings'] as const)('one of the %s not told voids the run', async (of) => {
  await expect(presence({ [of]: 0 }, brief)).rejects.toThrow(
    /void: waited 300 ms for a server: player-000000: (\d+) of (?!\1)\d+/,
  );
});

test('a coming of somebody with a longer name voids the run', async () => {
  await expect(presence({ stranger: 'player-0000003' })).rejects.toThrow(
    /void: a server: player-00000\d got a frame of/,
  );
});

test('every byte of a file is compared and counted', async () => {
  const { bytes, fast, slow, told } = await file({});
  expect(bytes).toBe(4 * frameBytes);
  expect(fast.bytesPerSecond).toBeGreaterThan(0);
  expect(slow).toBeUndefined();
  // Of two files: the one to warm up and the one that counts.
  expect(told.match(/file_sent/g)).toHaveLength(2);
});

test('a file that lacks a frame voids the run', async () => {
  const frames = (all: Buffer[]) => all.slice(1);
  await expect(file({ frames })).rejects.toThrow(/void: a byte behind 0 is another/);
});

test('a file that ends too early voids the run', async () => {
  const frames = (all: Buffer[]) => all.slice(0, -1);
  await expect(file({ frames })).rejects.toThrow(
    `void: ${3 * frameBytes} of ${4 * frameBytes} bytes arrived`,
  );
});

test('a file with another byte voids the run', async () => {
  const frames = (all: Buffer[]) => {
    all[2]![16] = all[2]![16]! ^ 1;
    return all;
  };
  await expect(file({ frames })).rejects.toThrow(`void: a byte behind ${2 * frameBytes} is`);
});

test('bytes behind the end of a file void the run', async () => {
  await expect(file({ behind: Buffer.alloc(17) })).rejects.toThrow(
    `void: bytes behind the end, at ${4 * frameBytes}`,
  );
});
