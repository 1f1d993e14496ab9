import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chat, key, said, startHardened, unharmed, Visitors } from '../support/hostile.ts';
import { type Moonstead, until } from '../support/moonstead.ts';
import { closeFrame, frame, opcodes, RawClient } from '../support/raw.ts';
import { modMessage, RelayClient } from '../support/relay-client.ts';

setDefaultTimeout(20_000);

let server: Moonstead;
const visitors = new Visitors();
const asMod = frame('{"type":"mod","data":{"server_id":"srv","channel_id":"100"}}');

const open = (pongs = true) => visitors.add(RawClient.open(server.port, { key, pongs }));
const silentBot = () => visitors.add(RawClient.bot(server.port, { key, pongs: false }));
const mod = () => visitors.add(RawClient.mod(server.port, { key }));

afterEach(async () => {
  visitors.leave();
  await unharmed(server);
  expect(await server.stop()).toBe(0);
});

test.each<[string, (client: RawClient) => void]>([
  ['right after the upgrade', () => {}],
  ['in the middle of its handshake', (c) => c.write(frame('{"type":"bot"').subarray(0, 9))],
  ['right after its handshake', (c) => c.say({ type: 'bot', data: { bot_id: 'b' } })],
  ['in the middle of a message', (c) => c.write(asMod, frame(said).subarray(0, 40))],
  ['between two fragments', (c) => c.write(asMod, frame('{', { fin: false }))],
  ['with answers pending', (c) => c.write(asMod, ...Array(100).fill(frame(said)))],
  ['with its close frame and more behind', (c) => c.write(asMod, closeFrame(1000), frame(said))],
])('a client may go %s, by a reset or a FIN', async (_name, act) => {
  server = await startHardened();
  const [reset, fin] = await Promise.all([open(), open()]);
  act(reset);
  act(fin);
  reset.destroy();
  fin.socket.end();
  await fin.end();
});

describe('silence', () => {
  const deadlines = 'handshake_timeout = "300ms"\nping_interval = "100ms"\nread_deadline = "600ms"';

  test('or half a handshake ends by handshake_timeout, and others go on', async () => {
    server = await startHardened(deadlines);
    const other = await mod();
    const halves: Record<string, Uint8Array> = {
      nothing: Buffer.alloc(0),
      'half a frame header': asMod.subarray(0, 1),
      'half a handshake': asMod.subarray(0, 20),
      'its first fragment': frame('{"type":"mod"', { fin: false }),
      pings: frame('', { opcode: opcodes.ping }),
      pongs: frame('', { opcode: opcodes.pong }),
    };
    const clients = Object.entries(halves).map(async ([what, bytes]) => {
      const client = await open();
      client.write(bytes);
      return { what, client, end: await client.end() };
    });
    for (const { what, client, end } of await Promise.all(clients)) {
      expect([what, end]).toEqual([what, { code: 4408, reason: 'gateway.handshake_timeout' }]);
      expect(client.frames).toMatchObject([{ code: 408, message: 'No handshake in time.' }]);
    }
    other.say(said);
    expect((await other.next()).status).toBe('queued');
  });

  test('without a pong, after the handshake, ends by read_deadline, and others go on', async () => {
    server = await startHardened(deadlines);
    const other = await mod();
    const halves = [Buffer.alloc(0), frame(said).subarray(0, 40), frame('{', { fin: false })];
    const clients = await Promise.all(halves.map(() => open(false)));
    clients.forEach((client, i) => {
      client.say({ type: 'mod', data: { server_id: `half${i}`, channel_id: '100' } });
      client.write(halves[i]!);
    });
    for (const client of clients) {
      expect(await client.end()).toBeUndefined();
      expect(client.frames).toEqual([{ status: 'connected', type: 'mod' }]);
      expect(client.pings.length).toBeGreaterThan(0);
    }
    other.say(said);
    expect((await other.next()).status).toBe('queued');
  });

  test('a thousand connections that never shake hands are all closed', async () => {
    server = await startHardened(deadlines, 'sockets_per_address = 1000');
    const all = await Promise.all(Array.from({ length: 1000 }, () => open()));
    const ends = await Promise.all(all.map((client) => client.end()));
    expect(ends.filter((end) => end?.code === 4408)).toHaveLength(1000);
  });
});

describe('forged pongs', () => {
  /** Sends each, and waits until the server has seen them. */
  async function forge(bot: RawClient, forged: readonly string[]): Promise<void> {
    for (const payload of forged) if (!bot.pings.includes(payload)) bot.pong(payload);
    bot.say({});
    await bot.next(({ code }) => code === 400);
  }

  test('are no receipts: ringed and live messages come again, until a true pong', async () => {
    server = await startHardened();
    const sender = await mod();
    for (const id of ['r1', 'r2']) {
      sender.say(modMessage(id, chat));
      expect(await sender.next()).toMatchObject({ msg_id: id, status: 'queued' });
    }
    const forged = ['', '0', '-1', '1e9', '999999999', 'NaN', 'Infinity', '\0', 'x'.repeat(125)];
    const ids = ({ frames }: RawClient) => frames.flatMap((one) => one.content && one.msg_id);
    const got = (bot: RawClient) => ids(bot).filter(Boolean);

    const first = await silentBot();
    await until('the flush', () => got(first).length === 2 && first.pings.length > 0);
    const number = Number(first.pings.at(-1));
    const near = [
      number + 1,
      number + 1000,
      `0${number}`,
      `${number}.0`,
      ` ${number}`,
      `+${number}`,
    ];
    await forge(first, [...forged, ...near.map(String)]);
    sender.say(modMessage('l1', chat));
    expect(await sender.next()).toMatchObject({ msg_id: 'l1', status: 'completed' });
    const count = first.pings.length;
    await until('the ping behind it', () => first.pings.length > count);
    await forge(first, forged);
    first.destroy();

    // The numbers of the connection before it, which are true ones of another connection.
    const second = await silentBot();
    await until('the repeats', () => got(second).length === 3 && second.pings.length > 0);
    expect(got(second)).toEqual(['r1', 'r2', 'l1']);
    await forge(second, [...first.pings, ...sender.pings]);
    second.destroy();

    const third = await silentBot();
    await until('the repeats', () => got(third).length === 3 && third.pings.length > 0);
    expect(got(third)).toEqual(['r1', 'r2', 'l1']);
    third.pong(third.pings.at(-1)!);
    await forge(third, []);
    third.destroy();

    const fourth = await silentBot();
    sender.say(modMessage('l2', chat));
    await until('the live one', () => got(fourth).length > 0);
    expect(got(fourth)).toEqual(['l2']);
    fourth.pong(fourth.pings.at(-1) ?? '');
  });

  test('with a number that is used up are no receipt for what was sent since', async () => {
    server = await startHardened();
    const sender = await mod();
    const bot = await silentBot();
    sender.say(modMessage('m1', chat));
    const used = await until('its ping', () => bot.pings.at(-1));
    bot.pong(used);
    sender.say(modMessage('m2', chat));
    await until('the ping behind it', () => bot.pings.at(-1) !== used && bot.contents.length === 2);
    await forge(bot, []);
    bot.pong(used);
    bot.say({});
    await bot.next(({ code }) => code === 400);
    bot.destroy();
    const next = await RelayClient.bot(server.sync(key));
    expect((await next.next()).msg_id).toBe('m2');
    await next.close();
  });
});

describe('bounds on sockets', () => {
  test.each([
    ['sockets_per_address', 429, 'Too many connections from this address'],
    ['sockets_max', 503, 'Too many connections'],
  ])('%s refuses with %i, names itself, and frees up', async (setting, code, message) => {
    server = await startHardened('', `${setting} = 3`);
    const seated = await Promise.all([mod(), open(), open()]);
    const ask = () => visitors.add(RawClient.ask(server.port, { key }));
    for (let i = 0; i < 3; i++) {
      const refused = await ask();
      expect(refused.status).toBe(code);
      await until('the body', () => refused.body.endsWith('}'));
      expect(JSON.parse(refused.body)).toEqual({
        message: `${message} (server.${setting}).`,
        code,
      });
    }
    // By a reset, by a FIN, and by a close frame.
    seated[0]!.destroy();
    seated[1]!.socket.end();
    seated[2]!.write(closeFrame(1000));
    for (let i = 0; i < 3; i++) await until('room', async () => (await ask()).status === 101);
    expect((await ask()).status).toBe(code);
    visitors.leave();
    await until('room', async () => {
      const client = await ask();
      client.destroy();
      return client.status === 101;
    });
  });
});
