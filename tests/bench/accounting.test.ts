import { expect, test } from 'bun:test';
import { runLoad } from '../../bench/harness/run-load.ts';

interface Behaviour {
  /** Deliveries of the 70th message. */
  copies: number;
  /** Acknowledgements say this. */
  status?: string;
  /** Pings with this payload go behind every tenth message. */
  ping?: string;
}

/** A relay for one channel that gets one message wrong, if told to. */
function relay({ copies, status = 'completed', ping }: Behaviour) {
  let messages = 0;
  const pongs: string[] = [];
  const server = Bun.serve<{ type?: string }>({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request, { data: {} }) ? undefined : new Response('', { status: 426 }),
    websocket: {
      message(ws, text) {
        const frame = JSON.parse(text as string);
        if (ws.data.type === undefined) {
          ws.data.type = frame.type;
          if (frame.type === 'mod') ws.subscribe('mods');
          ws.send(`{"status":"connected","type":"${frame.type}"}`);
          return;
        }
        messages++;
        const delivered = `{"type":"bot","msg_id":"${frame.msg_id}"}`;
        for (let n = 0; n < (messages === 70 ? copies : 1); n++) server.publish('mods', delivered);
        const told = messages === 1 ? 'completed' : status;
        ws.send(JSON.stringify({ status: told, type: 'bot', msg_id: frame.msg_id }));
        if (ping !== undefined && messages % 10 === 0) ws.ping(ping);
      },
      pong: (_, payload) => void pongs.push(payload.toString()),
    },
  });
  return { server, pongs, port: server.port! };
}

async function load(behaviour: Behaviour) {
  const { server, pongs, port } = relay(behaviour);
  try {
    const target = { name: 'a relay', dialect: 'relay' as const, port, pid: process.pid };
    const result = await runLoad({
      kind: 'bursts',
      targets: [target],
      role: 'bot',
      receivers: 2,
      pairs: 1,
      pairMs: 20,
      warmMs: 20,
      turnMs: 4,
      waitMs: 300,
    });
    return { ...result, pongs };
  } finally {
    await server.stop(true);
  }
}

test('every message, delivery and acknowledgement is counted, and every ping answered', async () => {
  const { account, pairs, pongs } = await load({ copies: 1, ping: 'number 7' });
  expect(account.sent).toBeGreaterThanOrEqual(128);
  expect(account.sent % 64).toBe(0);
  expect(account.acknowledged).toBe(account.sent);
  expect(account.delivered).toBe(2 * account.sent);
  expect(account.pingsAnswered).toBe(Math.floor((account.sent + 1) / 10));
  expect(new Set(pongs)).toEqual(new Set(['number 7']));
  expect(pairs).toHaveLength(1);
  expect(pairs[0]![0]!.perSecond).toBeGreaterThan(0);
});

test('one delivery too many voids the run', async () => {
  await expect(load({ copies: 2 })).rejects.toThrow(/void: .* got \d+ messages, not \d+/);
});

test('one delivery too few voids the run', async () => {
  await expect(load({ copies: 0 })).rejects.toThrow(/void: waited 300 ms for .*: \d+ of \d+/);
});

test('an acknowledgement that says something else voids the run', async () => {
  await expect(load({ copies: 1, status: 'queued' })).rejects.toThrow(/void: .* got a frame of/);
});
