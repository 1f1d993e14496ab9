import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { temporaryFolder, until } from '../support/moonstead.ts';
import type { Game } from '../support/players.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';
import { act, allOf, ask, gameWithKeys, metric, readKey } from './operator.ts';

let folder: string;
let game: Game;
let guests: RelayClient[];
const start = async (toml = '') => (game = await gameWithKeys(toml, folder));

beforeEach(() => {
  folder = temporaryFolder();
  guests = [];
});

afterEach(async () => {
  for (const { socket } of guests) socket.close();
  await game.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function mod(serverId = 'srv', channelId = '100'): Promise<RelayClient> {
  const client = await RelayClient.mod(game.server.sync(), serverId, channelId);
  guests.push(client);
  return client;
}

async function bot(): Promise<RelayClient> {
  const client = await RelayClient.bot(game.server.sync());
  guests.push(client);
  return client;
}

/** Says so many messages of a mod, and waits for their answers. */
async function say(client: RelayClient, channel: string, ids: readonly string[]): Promise<void> {
  const before = client.answers.length;
  client.say(...ids.map((id) => modMessage(id, id, { destination: { channel_id: channel } })));
  await until('answers', () => client.answers.length === before + ids.length);
}

const queueOf = (channel: string) => `/relay/${encodeURIComponent(channel)}/queue`;
const odd = 'a/b ü%2F?#+';

describe('GET /relay', () => {
  test('shows the bot and each channel, with what waits and what was said', async () => {
    await start();
    const [one] = [await mod(), await mod('other')];
    await say(one, '100', ['1', '2']);
    await say(one, odd, ['3']);
    const { status, body, headers } = await ask(game, '/relay', {
      headers: { 'X-API-Key': readKey },
    });
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      bot: { connected: false, id: null, since: null },
      items: [
        {
          channel: '100',
          mods: 2,
          queued: { toMods: 0, toBot: 2 },
          messages: 2,
          lastSeen: expect.any(String),
        },
        {
          channel: odd,
          mods: 0,
          queued: { toMods: 0, toBot: 1 },
          messages: 1,
          lastSeen: expect.any(String),
        },
      ],
      next: null,
    });
    expect(Math.abs(Date.parse(body.items[0].lastSeen) - Date.now())).toBeLessThan(60_000);
    const robot = await bot();
    await until('the flush', () => robot.contents.length === 3);
    const receipted = await until('receipts', async () => {
      const { body: now } = await ask(game, '/relay');
      return now.items.length === 1 && now.items[0].queued.toBot === 0 ? now : undefined;
    });
    expect(receipted.bot).toEqual({ connected: true, id: 'bot', since: expect.any(String) });
  });

  test('is read in pages, or one channel of it', async () => {
    await start();
    const one = await mod();
    for (let n = 0; n < 25; n++) await say(one, `c${n}`, [`${n}`]);
    const names = Array.from({ length: 25 }, (_, n) => `c${n}`);
    const all = await allOf(game, '/relay', 7);
    expect(all.map(({ channel }) => channel)).toEqual(['100', ...names]);
    const { body } = await ask(game, '/relay?channel=c7');
    expect(body.items.map(({ channel }: any) => channel)).toEqual(['c7']);
    expect((await ask(game, '/relay?channel=nobody')).body.items).toEqual([]);
    expect((await ask(game, '/relay?region=x')).status).toBe(400);
  });

  test('knows what waits from before a restart', async () => {
    await start();
    await say(await mod(), 'left', ['1', '2']);
    await game.stop();
    await start();
    expect((await ask(game, '/relay')).body.items).toEqual([
      {
        channel: 'left',
        mods: 0,
        queued: { toMods: 0, toBot: 2 },
        messages: 0,
        lastSeen: null,
      },
    ]);
  });

  test('has no key, and no word of what was said', async () => {
    await start();
    await say(await mod(), '100', ['w0rds-that-nobody-may-read']);
    for (const path of ['/relay', '/stats', '/metrics', '/logs']) {
      const answer = await fetch(`${game.server.http}${path}`, {
        headers: { 'X-API-Key': readKey },
      });
      const text = await answer.text();
      for (const hidden of ['w0rds-that-nobody-may-read', 'gateway"', readKey])
        expect([path, text.includes(hidden)]).toEqual([path, false]);
    }
  });
});

describe('DELETE /relay/{channel}/queue', () => {
  test('drops what waits in both directions, of this channel only, and for good', async () => {
    await start();
    const robot = await bot();
    robot.say(botMessage('b1', 'b1', { id: odd }), botMessage('kept', 'kept', { id: 'other' }));
    await until('answers', () => robot.answers.length === 2);
    await robot.close();
    await say(await mod(), odd, ['m1', 'm2']);
    expect(await act(game, 'DELETE', queueOf(odd))).toEqual([200, { dropped: 3 }]);
    await until('the event', () =>
      game.server.events.some((one) => one.event === 'operator_acted'),
    );
    expect(game.server.events.find((one) => one.event === 'operator_acted')).toMatchObject({
      by: 'boss',
      act: 'DELETE /relay/{channel}/queue',
      channel: odd,
    });
    await game.server.stop('SIGKILL');
    await start();
    const { body } = await ask(game, '/relay');
    expect(body.items.map(({ channel }: any) => channel)).toEqual(['other']);
    const late = await mod('late', odd);
    const first = await bot();
    first.say(botMessage('live', 'live', { id: odd }));
    await late.next(({ content }) => content === 'live');
    expect([late.contents, first.contents]).toEqual([['live'], []]);
  });

  test('is refused without a key and to one that only reads, and drops nothing then', async () => {
    await start();
    await say(await mod(), '100', ['1']);
    const path = queueOf('100');
    expect(await act(game, 'DELETE', path, undefined, readKey)).toEqual([403, 'forbidden']);
    expect(await act(game, 'DELETE', path, undefined, 'wrong')).toEqual([401, 'unauthorized']);
    const bare = await fetch(`${game.server.http}${path}`, { method: 'DELETE' });
    expect(bare.status).toBe(401);
    expect((await ask(game, '/relay')).body.items[0].queued.toBot).toBe(1);
  });

  test('is 404 where nothing waits', async () => {
    await start();
    await mod();
    for (const channel of ['100', 'nobody', odd])
      expect(await act(game, 'DELETE', queueOf(channel))).toEqual([404, 'not_found']);
  });

  test('loses no message that is acknowledged after it, however many come meanwhile', async () => {
    await start('[gateway]\nqueue_max = 1000\n');
    const one = await mod();
    const ids = Array.from({ length: 300 }, (_, n) => `m${n}`);
    let dropped = 0;
    for (const [n, id] of ids.entries()) {
      one.say(modMessage(id));
      if (n % 50 !== 49) continue;
      const before = one.answers.length;
      const [, answer] = await act(game, 'DELETE', queueOf('100'));
      dropped += answer.dropped ?? 0;
      expect(one.answers.length).toBeGreaterThanOrEqual(before);
    }
    await until('answers', () => one.answers.length === ids.length);
    expect(new Set(one.answers.map((text) => text.split(' ')[1]))).toEqual(new Set(['queued']));
    const robot = await bot();
    await until('the rest', () => robot.contents.length === ids.length - dropped);
    expect(robot.contents).toEqual(ids.filter((id) => robot.contents.includes(id)));
  });
});

test('the metrics follow what happens, and name no channel', async () => {
  await start('[gateway]\nqueue_max = 2\n');
  const refused = await fetch(`${game.server.http}/sync?api_key=wrong`, {
    headers: { Upgrade: 'websocket' },
  });
  expect(refused.status).toBe(401);
  expect((await fetch(`${game.server.http}/sync`)).status).toBe(426);
  const one = await mod('srv', 'a-channel');
  await say(one, 'a-channel', ['1', '2', '3']);
  one.say('no JSON');
  const relay = (name: string) => metric(game, `moonstead_relay_${name}`);
  await until('the refusal', () => one.frames.some(({ code }) => code === 400));
  expect(await relay('messages_total{from="mod"}')).toBe(3);
  expect(await relay('queued_messages')).toBe(2);
  expect(await relay('pushed_out_total')).toBe(1);
  expect(await relay('refused_total{reason="bad_key"}')).toBe(1);
  expect(await relay('refused_total{reason="not_upgrading"}')).toBe(1);
  expect(await relay('refused_total{reason="malformed_message"}')).toBe(1);
  expect([await relay('mods'), await relay('bot_connected'), await relay('channels')]).toEqual([
    1, 0, 1,
  ]);
  const robot = await bot();
  robot.say(botMessage('4', '4', { id: 'a-channel' }));
  await one.next(({ content }) => content === '4');
  await until('all receipts', async () => (await relay('unreceipted_characters')) === 0);
  await until('an empty ring', async () => (await relay('queued_bytes')) === 0);
  expect(await relay('delivered_total{to="bot"}')).toBe(2);
  expect(await relay('delivered_total{to="mods"}')).toBe(1);
  expect(await relay('receipts_total')).toBeGreaterThanOrEqual(2);
  const text = await (
    await fetch(`${game.server.http}/metrics`, { headers: { 'X-API-Key': readKey } })
  ).text();
  expect(text).not.toContain('a-channel');
  const { parts } = (await ask(game, '/stats')).body;
  expect(parts.relay.messages_total).toEqual({ mod: 3, bot: 1 });
});
