import { afterEach, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';

let server: Moonstead | undefined;
afterEach(() => server?.stop());

test('channels whose names look like wildcards of topics are channels like any other', async () => {
  server = await Moonstead.start();
  const channels = ['#', '+', 'a/#', 'a/+', 'a/b', '../bot'];
  const bot = await RelayClient.bot(server.sync());
  const mods = await Promise.all(
    channels.map((channel) => RelayClient.mod(server!.sync(), 'srv', channel)),
  );
  for (const channel of channels) bot.say(botMessage(`to ${channel}`, channel, { id: channel }));
  for (const channel of channels) bot.say(botMessage(`end ${channel}`, 'end', { id: channel }));
  await until('all to arrive', () => mods.every(({ contents }) => contents.includes('end')));
  expect(mods.map(({ contents }) => contents)).toEqual(channels.map((channel) => [channel, 'end']));
});

test('after a start with a smaller queue_max the newest of what waited are delivered', async () => {
  const folder = temporaryFolder();
  try {
    const before = await Moonstead.start({ folder, toml: '[gateway]\nqueue_max = 5' });
    const mod = await RelayClient.mod(before.sync());
    mod.say(...['1', '2', '3', '4', '5'].map((id) => modMessage(id)));
    await until('the answers', () => mod.answers.length === 5);
    expect(await before.stop()).toBe(0);

    server = await Moonstead.start({ folder, toml: '[gateway]\nqueue_max = 2' });
    const bot = await RelayClient.bot(server.sync());
    const again = await RelayClient.mod(server.sync());
    again.say(modMessage('live'));
    await bot.next(({ content }) => content === 'live');
    expect(bot.contents).toEqual(['4', '5', 'live']);
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
