import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { modMessage, RelayClient } from '../support/relay-client.ts';

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
    // Past gateway.unacknowledged_max there would be refusals.
    if (sent - mod.answers.length > 500) return;
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
  const mute = await RawClient.bot(server.port, { key: 'gateway', pongs: false });
  mod.say(modMessage('unconfirmed'));
  expect(await mod.next()).toMatchObject({ status: 'completed' });
  expect(await server.stop()).toBe(0);
  server = await Moonstead.start({ folder });
  const bot = await RelayClient.bot(server.sync());
  await bot.next(({ content }) => content === 'unconfirmed');
  await server.stop();
  mute.destroy();
  rmSync(folder, { recursive: true });
});

test('a second signal changes nothing, a third ends at once', async () => {
  const server = await Moonstead.start();
  const mod = await RelayClient.mod(server.sync());
  // It answers no ping, so the stop waits a second for its receipt.
  const mute = await RawClient.bot(server.port, { key: 'gateway', pongs: false });
  mod.say(modMessage('unconfirmed'));
  await mod.next(({ status }) => status === 'completed');
  const signalled = async (times: number) => {
    server.signal('SIGTERM');
    await until(`signal ${times}`, () => {
      return server.events.filter(({ event }) => event === 'signal').length === times;
    });
  };
  await signalled(1);
  await signalled(2);
  expect(server.process.exitCode).toBeNull();
  expect(mod.closed).toBeUndefined();
  server.signal('SIGTERM');
  expect(await server.process.exited).toBe(1);
  mute.destroy();
  await server.stop();
});
