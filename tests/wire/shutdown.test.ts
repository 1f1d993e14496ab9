import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s closes every socket with 1001 and exits 0',
  async (signal) => {
    const server = await Moonstead.start();
    const open = await RelayClient.open(server.sync());
    const mod = await RelayClient.mod(server.sync());
    const bot = await RelayClient.bot(server.sync());
    server.signal(signal);
    for (const client of [open, mod, bot]) expect((await client.ended()).code).toBe(1001);
    expect(await server.process.exited).toBe(0);
    await server.stop();
  },
);

test('messages under way at the signal are answered, or are not taken; what was answered is kept', async () => {
  const folder = temporaryFolder();
  let server = await Moonstead.start({ folder, toml: '[gateway]\nqueue_max = 10000\n' });
  const mod = await RelayClient.mod(server.sync());
  let sent = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 20; i++) mod.say(modMessage(`m${sent++}`));
  }, 1);
  await until('some answers', () => mod.answers.length > 200);
  server.signal('SIGTERM');
  expect((await mod.ended()).code).toBe(1001);
  clearInterval(timer);
  expect(await server.process.exited).toBe(0);
  const promised = mod.answers.map((answer) => answer.split(' ')[0]!);
  expect(mod.answers.every((answer) => answer.endsWith(' queued'))).toBeTrue();

  server = await Moonstead.start({ folder, toml: '[gateway]\nqueue_max = 10000\n' });
  const bot = await RelayClient.bot(server.sync());
  await until('the flush', () => bot.contents.length >= promised.length);
  expect(bot.contents.slice(0, promised.length)).toEqual(promised);
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('live messages that a bot never confirmed wait for the next one, through the stop', async () => {
  const folder = temporaryFolder();
  let server = await Moonstead.start({ folder });
  const mod = await RelayClient.mod(server.sync());
  // A bot that answers no ping: it speaks raw WebSocket and then says nothing more.
  const { promise: upgraded, resolve } = Promise.withResolvers<void>();
  const mute = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: {
      data: (_socket, bytes) => {
        if (bytes.toString('latin1').includes('connected')) resolve();
      },
    },
  });
  mute.write(
    `GET /sync?api_key=gateway HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const hello = Buffer.from('{"type":"bot","data":{"bot_id":"mute"}}');
  mute.write(Buffer.concat([Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]));
  await upgraded;
  mod.say(modMessage('unconfirmed'));
  expect(await mod.next()).toMatchObject({ status: 'completed' });
  expect(await server.stop()).toBe(0);
  server = await Moonstead.start({ folder });
  const bot = await RelayClient.bot(server.sync());
  await bot.next(({ content }) => content === 'unconfirmed');
  await server.stop();
  mute.end();
  rmSync(folder, { recursive: true });
});

test('a second signal changes nothing, a third ends at once', async () => {
  const folder = temporaryFolder();
  const toml = '[server]\ndrain_timeout = "60s"\n';
  const server = await Moonstead.start({ folder, toml });
  // Its closing handshake is never answered, so the stop has to wait for it.
  const mute = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: { data: (socket) => void socket.pause() },
  });
  mute.write(
    `GET /sync?api_key=gateway HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const bot = await RelayClient.bot(server.sync());
  bot.say(botMessage('kept'));
  await bot.next();
  server.signal('SIGTERM');
  server.signal('SIGTERM');
  expect((await bot.ended()).code).toBe(1001);
  const seen = () => server.events.filter(({ event }) => event === 'signal').length;
  await until('the signals to be seen', () => seen() >= 1);
  for (let i = 0; i < 3; i++) server.signal('SIGTERM');
  const code = await server.process.exited;
  expect([0, 1]).toContain(code);
  mute.end();
  rmSync(folder, { recursive: true });
});
