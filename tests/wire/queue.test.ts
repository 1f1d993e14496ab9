import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';

async function withServer(toml: string, run: (server: Moonstead) => Promise<void>): Promise<void> {
  const server = await Moonstead.start({ toml });
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const many = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);

test('without a bot the newest queue_max messages wait, and come oldest first', () =>
  withServer('', async (server) => {
    const mod = await RelayClient.mod(server.sync());
    mod.say(...many(1, 11).map((id) => modMessage(id)));
    await until('answers', () => mod.answers.length === 11);
    expect(mod.answers).toEqual(many(1, 11).map((id) => `${id} queued`));
    const bot = await RelayClient.bot(server.sync());
    await until('the flush', () => bot.contents.length === 8);
    mod.say(modMessage('live'));
    expect(await mod.next(({ msg_id: id }) => id === 'live')).toMatchObject({
      status: 'completed',
    });
    await bot.next(({ content }) => content === 'live');
    expect(bot.contents).toEqual([...many(4, 11), 'live']);
    expect(bot.frames[0]).toEqual({ status: 'connected', type: 'bot' });
  }));

test('a message that waited is stamped with the time of its delivery', () =>
  withServer('', async (server) => {
    const mod = await RelayClient.mod(server.sync());
    mod.say(modMessage('early'));
    await mod.next();
    const answeredMs = Date.now();
    await until('the clock to go on', () => Date.now() > answeredMs + 5);
    const bot = await RelayClient.bot(server.sync());
    const { received_at: received, forwarded_at: forwarded } = await bot.next();
    expect(Date.parse(received)).toBeLessThanOrEqual(answeredMs);
    expect(Date.parse(forwarded)).toBeGreaterThan(answeredMs);
  }));

test('each channel and each direction has a ring of its own', () =>
  withServer('[gateway]\nqueue_max = 2\n', async (server) => {
    const mod = await RelayClient.mod(server.sync(), 'srv', 'A');
    for (const channel of ['A', 'B'])
      mod.say(
        ...many(1, 3).map((id) =>
          modMessage(`${channel}${id}`, `${channel}${id}`, {
            destination: { channel_id: channel },
          }),
        ),
      );
    await until('answers', () => mod.answers.length === 6);
    const bot = await RelayClient.bot(server.sync());
    await until('the flush', () => bot.contents.length === 4);
    expect(bot.contents.toSorted()).toEqual(['Am2', 'Am3', 'Bm2', 'Bm3']);
    await mod.close();
    bot.say(...many(1, 3).map((id) => botMessage(id, id, { id: 'A' })));
    await until('answers', () => bot.answers.length === 3);
    const back = await RelayClient.mod(server.sync(), 'srv', 'A');
    await until('the flush', () => back.contents.length === 2);
    expect(back.contents).toEqual(['m2', 'm3']);
  }));

test('the ring belongs to the channel: the first mod gets it, the next what is live', () =>
  withServer('', async (server) => {
    const bot = await RelayClient.bot(server.sync());
    bot.say(botMessage('waited'));
    await bot.next();
    const first = await RelayClient.mod(server.sync(), 's1');
    await first.next(({ content }) => content === 'waited');
    const second = await RelayClient.mod(server.sync(), 's2');
    bot.say(botMessage('live'));
    for (const mod of [first, second]) await mod.next(({ content }) => content === 'live');
    expect(first.contents).toEqual(['waited', 'live']);
    expect(second.contents).toEqual(['live']);
  }));

test('with queue_max = 0 nothing waits: the answer is failed, and says why', () =>
  withServer('[gateway]\nqueue_max = 0\n', async (server) => {
    const mod = await RelayClient.mod(server.sync());
    mod.say(modMessage('lost'));
    expect(await mod.next()).toEqual({
      status: 'failed',
      type: 'mod',
      msg_id: 'lost',
      detail: 'gateway.queue_max is 0',
    });
    const bot = await RelayClient.bot(server.sync());
    mod.say(modMessage('live'));
    await bot.next(({ content }) => content === 'live');
    expect(bot.contents).toEqual(['live']);
  }));

const bounds: [string, string][] = [
  ['gateway.rings_max', 'rings_max = 2'],
  ['gateway.ring_bytes_max', 'ring_bytes_max = "2KB"\nkey_ring_bytes_max = "2KB"'],
  ['gateway.key_ring_bytes_max', 'key_ring_bytes_max = "2KB"'],
];
test.each(bounds)('past %s a message fails by that name, and what waits stays', (name, line) =>
  withServer(`[gateway]\n${line}\n`, async (server) => {
    const mod = await RelayClient.mod(server.sync());
    for (let i = 0; i < 3; i++)
      mod.say(modMessage(`c${i}`, 'x'.repeat(600), { destination: { channel_id: `c${i}` } }));
    await until('answers', () => mod.answers.length === 3);
    expect(mod.answers).toEqual(['c0 queued', 'c1 queued', 'c2 failed']);
    expect(mod.frames.at(-1)).toMatchObject({ detail: name });
    const bot = await RelayClient.bot(server.sync());
    await until('the flush', () => bot.contents.length === 2);
    mod.say(modMessage('again', 'again', { destination: { channel_id: 'c2' } }));
    await bot.next(({ content }) => content === 'again');
  }),
);

test('a ring at its bytes bound still turns over', () =>
  withServer(
    '[gateway]\nqueue_max = 2\nring_bytes_max = "2KB"\nkey_ring_bytes_max = "2KB"\n',
    async (server) => {
      const mod = await RelayClient.mod(server.sync());
      for (const id of many(1, 6)) {
        mod.say(modMessage(id, id.padEnd(700, '.')));
        await mod.next(({ msg_id: msgId }) => msgId === id);
      }
      expect(mod.answers).toEqual(many(1, 6).map((id) => `${id} queued`));
    },
  ));

test('what waits survives a stop and a start, and so does its order', async () => {
  const folder = temporaryFolder();
  let server = await Moonstead.start({ folder });
  const mod = await RelayClient.mod(server.sync());
  mod.say(...many(1, 3).map((id) => modMessage(id)));
  await until('answers', () => mod.answers.length === 3);
  expect(await server.stop()).toBe(0);
  server = await Moonstead.start({ folder });
  const again = await RelayClient.mod(server.sync());
  again.say(...many(4, 5).map((id) => modMessage(id)));
  await until('answers', () => again.answers.length === 2);
  const bot = await RelayClient.bot(server.sync());
  await until('the flush', () => bot.contents.length === 5);
  expect(bot.contents).toEqual(many(1, 5));
  await bot.close();
  const next = await RelayClient.bot(server.sync());
  again.say(modMessage('live'));
  await next.next(({ content }) => content === 'live');
  expect(next.contents).toEqual(['live']);
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('above rate_limit a message is 429 by name, and who goes on is closed with 4429', () =>
  withServer('[gateway]\nrate_limit = 5\nrate_limit_timeout = "200ms"\n', async (server) => {
    const mod = await RelayClient.mod(server.sync());
    mod.say(...many(1, 8).map((id) => modMessage(id)));
    await until('answers', () => mod.answers.length === 8);
    expect(mod.answers.slice(0, 6)).toEqual([...many(1, 5).map((id) => `${id} queued`), 'm6 429']);
    expect(mod.frames.find(({ msg_id: id }) => id === 'm6')).toEqual({
      message: 'Too many messages.',
      code: 429,
      msg_id: 'm6',
      detail: 'gateway.rate_limit',
    });
    await until('the close', () => {
      if (!mod.closed) mod.say(modMessage('more'));
      return mod.closed;
    });
    expect(mod.closed!.code).toBe(4429);
  }));
