import { afterEach, describe, expect, test } from 'bun:test';
import packageJson from '../../package.json';
import { FilePlayer, newId } from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { type Game, tell, words } from '../support/players.ts';
import { act, adminKey, allOf, ask, gameWithKeys, metric, oddNames, readKey } from './operator.ts';

let game: Game;
const start = async (toml = '') => (game = await gameWithKeys(toml));

afterEach(() => game.stop());

async function listed(query = ''): Promise<any[]> {
  return (await ask(game, `/players${query}`)).body.items;
}

const namesOf = (items: any[]) => items.map(({ userId }) => userId);
const encoded = (userId: string) => encodeURIComponent(userId).replaceAll('.', '%2e');
const disconnect = (userId: string, key = adminKey) =>
  act(game, 'POST', `/players/${encoded(userId)}/disconnect`, undefined, key);
const noKey = { headers: { 'X-API-Key': undefined! } };

describe('the list of players', () => {
  test('tells of each who it is, since when, where, and how far away', async () => {
    await start('instance_name = "the moon"\n[players]\nping_interval = "50ms"\n');
    await game.player('ann', { userName: 'Ann' });
    await game.player('bob', { protocol: 1 });
    const all = await until('their pongs', async () => {
      const items = await listed();
      return items.every(({ latencyMs }) => latencyMs !== null) ? items : undefined;
    });
    const fields = ['userId', 'userName', 'connectedAt', 'instance', 'latencyMs', 'transfers'];
    for (const one of all) {
      expect(Object.keys(one)).toEqual(fields);
      const { latencyMs, connectedAt } = one;
      expect(latencyMs).toBeGreaterThanOrEqual(0);
      expect(Math.abs(Date.parse(connectedAt) - Date.now())).toBeLessThan(60_000);
    }
    expect(all).toMatchObject([
      { userId: 'ann', userName: 'Ann', instance: 'the moon', transfers: [] },
      { userId: 'bob', userName: null, instance: 'the moon', transfers: [] },
    ]);
  });

  test('of one user, whatever it is called, or of one name', async () => {
    await start();
    for (const userId of oddNames) await game.player(userId, { userName: `the ${userId}` });
    for (const userId of oddNames) {
      expect(namesOf(await listed(`?userId=${encodeURIComponent(userId)}`))).toEqual([userId]);
      const name = encodeURIComponent(`the ${userId}`);
      expect(namesOf(await listed(`?userName=${name}`))).toEqual([userId]);
    }
    expect(await ask(game, '/players?user=x')).toMatchObject({ status: 400 });
  });

  test('tells of a file under way, first of its sender, then of its target', async () => {
    await start();
    const [ann, bob] = [await FilePlayer.enter(game, 'ann'), await FilePlayer.enter(game, 'bob')];
    const id = newId();
    const file = { fileName: 'moon.png', fileSize: 200_000 };
    const bytes = Buffer.alloc(200_000);
    await ann.begin('bob', 200_000, { fileName: 'moon.png', transferId: id });
    await ann.bytes(id, bytes, 0, 100_000);
    await until('the first half', async () => (await listed())[0].transfers[0]?.bytes === 100_000);
    expect((await listed()).map(({ transfers }) => transfers)).toEqual([
      [{ direction: 'sending', withUserId: 'bob', ...file, bytes: 100_000 }],
      [],
    ]);
    expect(await metric(game, 'moonstead_players_transfers')).toBe(1);
    await ann.bytes(id, bytes, 100_000);
    await ann.complete(id);
    const { begin } = await bob.file();
    expect((await listed()).map(({ transfers }) => transfers)).toEqual([
      [],
      [{ direction: 'receiving', withUserId: 'ann', ...file, bytes: 200_000 }],
    ]);
    bob.say({ type: 'file_received', transferId: begin.transferId });
    await bob.settled();
    expect((await listed())[1].transfers).toEqual([]);
    expect(await metric(game, 'moonstead_players_files_delivered_total')).toBe(1);
  });

  test('loses nobody and shows nobody twice in pages while others come and go', async () => {
    await start('[players]\nunauthenticated_max = 1000\n[auth]\nsessions_per_minute = 10000\n');
    const all = await Promise.all(Array.from({ length: 100 }, (_, n) => game.player(`user-${n}`)));
    const steady = Array.from({ length: 100 }, (_, n) => `user-${n}`).filter((_, n) => n % 4 > 0);
    const passing = all.filter((_, n) => n % 4 === 0);
    const found = await allOf(game, '/players', 9, async (page) => {
      for (const one of passing.splice(0, 3)) await one.close();
      if (page < 4) await game.player(`late-${page}`);
    });
    const names = namesOf(found);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((userId) => steady.includes(userId)).sort()).toEqual(steady.sort());
    for (let n = 0; n < 4; n++) expect(names).toContain(`late-${n}`);
  });
});

describe("today's bots", () => {
  test('read the number of players', async () => {
    await start();
    await game.player('ann');
    for (const path of ['/players/count', '/api/players/count'])
      expect((await ask(game, path)).body).toEqual({ count: 1 });
    expect((await ask(game, '/players/count', noKey)).status).toBe(401);
  });

  test('read how full the server is, field by field', async () => {
    await start('instance_name = "moon"\n[players]\nlimit = 7\n');
    await game.player('ann');
    await game.player('bob');
    for (const path of ['/server_info', '/api/server_info']) {
      const { body } = await ask(game, path, { headers: { 'X-API-Key': readKey } });
      const uptime = body.servers[0].uptime_seconds;
      expect([Number.isInteger(uptime), uptime >= 0 && uptime < 60]).toEqual([true, true]);
      expect(body).toEqual({
        total_players_online: 2,
        total_max_players: 7,
        servers: [
          {
            name: 'moon',
            players_online: 2,
            max_players: 7,
            server_version: packageJson.version,
            uptime_seconds: uptime,
            status: 'on',
          },
        ],
      });
    }
  });
});

describe('who disconnects a player', () => {
  test('needs a key of the role admin', async () => {
    await start();
    const ann = await game.player('ann');
    const path = '/players/ann/disconnect';
    const without = await ask(game, path, { method: 'POST', ...noKey });
    expect([without.status, without.body.error.code]).toEqual([401, 'unauthorized']);
    expect(await disconnect('ann', 'a-wrong-one')).toEqual([401, 'unauthorized']);
    expect(await disconnect('ann', readKey)).toEqual([403, 'forbidden']);
    expect(await disconnect('nobody')).toEqual([404, 'not_found']);
    expect(ann.closed).toBeUndefined();
    expect(await disconnect('ann')).toEqual([200, { disconnected: true }]);
    expect(await ann.ended()).toEqual({ code: 4403, reason: 'disconnected by an operator' });
    expect(await disconnect('ann')).toEqual([404, 'not_found']);
  });

  test('ends that connection and no other; the session stays good', async () => {
    await start();
    const { token } = await game.session('ann');
    const ann = await game.player('ann', { token });
    const bob = await game.player('bob');
    await disconnect('ann');
    await ann.ended();
    expect(await bob.next(({ type }) => type === 'user_left')).toMatchObject({ userId: 'ann' });
    const again = await game.player('ann', { token });
    expect(await tell(bob, 'ann', 'm1')).toBe('completed');
    expect(await again.next(({ type }) => type === 'message')).toMatchObject({ msg_id: 'm1' });
  });

  test('names it in the path, whatever it is called', async () => {
    await start();
    for (const userId of oddNames) {
      const player = await game.player(userId);
      expect(await disconnect(userId)).toEqual([200, { disconnected: true }]);
      expect((await player.ended()).code).toBe(4403);
    }
    const broken = await act(game, 'POST', '/players/%zz/disconnect');
    expect(broken).toEqual([404, 'not_found']);
  });
});

describe('a broadcast', () => {
  const broadcast = (body: unknown, key = adminKey) => act(game, 'POST', '/broadcast', body, key);

  test('needs a key of the role admin', async () => {
    await start();
    const ann = await game.player('ann');
    expect((await ask(game, '/broadcast', { method: 'POST', ...noKey })).status).toBe(401);
    expect(await broadcast({ message: 'x' }, readKey)).toEqual([403, 'forbidden']);
    expect(await broadcast({ message: 'the only one' })).toEqual([200, { players: 1 }]);
    const first = await ann.next(({ type }) => type === 'broadcast');
    expect(first.message).toBe('the only one');
  });

  test('reaches every player once, and nobody who is not in', async () => {
    await start();
    const players = await Promise.all([
      game.player('old', { protocol: 1 }),
      game.player('new'),
      game.player('other'),
    ]);
    const stranger = await game.socket('/player');
    const message = `${words}\n"quoted" 🌙 \u0000`;
    expect(await broadcast({ message })).toEqual([200, { players: 3 }]);
    expect(await broadcast({ message: 'last' })).toEqual([200, { players: 3 }]);
    for (const player of players) {
      await player.next(({ message: one }) => one === 'last');
      const heard = player.frames.filter(({ type }) => type === 'broadcast');
      expect(heard.map(({ message: one }) => one)).toEqual([message, 'last']);
      expect(Object.keys(heard[0]!)).toEqual(['type', 'message', 'ts']);
      expect(new Date(heard[0]!.ts).toISOString()).toBe(heard[0]!.ts);
    }
    expect(stranger.frames).toEqual([]);
    await players[1]!.close();
    await until('two', async () => (await ask(game, '/players/count')).body.count === 2);
    expect(await broadcast({ message: 'x' })).toEqual([200, { players: 2 }]);
  });

  test('may have 4096 characters, and is refused when it is not as it must be', async () => {
    await start();
    const ann = await game.player('ann');
    const bad = [400, 'bad_request'];
    for (const body of [
      {},
      [],
      'null',
      '{',
      '',
      { message: '' },
      { message: 5 },
      { message: 'x'.repeat(4097) },
      '{"message":"\\ud83c"}',
      '{"message":"\\udf19\\ud83c"}',
      `{"message":"x","deep":${'['.repeat(100)}${']'.repeat(100)}}`,
    ])
      expect([body, ...(await broadcast(body))]).toEqual([body, ...bad]);
    expect(await broadcast({ message: 'x', more: 'y'.repeat(70_000) })).toEqual([413, 'too_large']);
    const plain = await ask(game, '/broadcast', {
      method: 'POST',
      headers: { 'X-API-Key': adminKey, 'Content-Type': 'text/plain' },
      body: '{"message":"x"}',
    });
    expect([plain.status, plain.body.error.code]).toEqual([415, 'unsupported_media_type']);
    const longest = '🌙'.repeat(2048);
    expect(await broadcast({ message: longest })).toEqual([200, { players: 1 }]);
    const first = await ann.next(({ type }) => type === 'broadcast');
    expect(first.message).toBe(longest);
  });
});

test('the numbers and the events tell who came, what was said and who was sent away', async () => {
  await start();
  const ann = await game.player('ann', { userName: 'Ann' });
  const bob = await game.player('bob');
  await tell(ann, 'bob', 'm1', words);
  await tell(ann, 'away', 'm2', words);
  ann.say({ type: 'message', channel: 'empty', data: words, msg_id: 'm3' });
  await ann.next(({ msg_id: id }) => id === 'm3');
  await bob.next(({ msg_id: id }) => id === 'm1');
  await disconnect('bob');
  await bob.ended();
  const expected = {
    players: 1,
    sockets_unauthenticated: 0,
    links: 0,
    'messages_total{to="user"}': 2,
    'messages_total{to="channel"}': 1,
    'delivered_total{to="user"}': 1,
    queued_total: 1,
    failed_total: 1,
    'refused_total{reason="disconnected"}': 1,
    closed_slow_total: 0,
    files_stored_total: 0,
    'files_failed_total{code="507"}': 0,
    files_waiting_bytes: 0,
  };
  for (const [name, value] of Object.entries(expected))
    expect([name, await metric(game, `moonstead_players_${name}`)]).toEqual([name, value]);
  const { body } = await ask(game, '/logs?part=players&level=info');
  const told = body.items.filter(({ event }: any) => event.startsWith('player_')).reverse();
  expect(told).toMatchObject([
    { event: 'player_joined', userId: 'ann', userName: 'Ann', protocol: 2 },
    { event: 'player_joined', userId: 'bob', protocol: 2 },
    { event: 'player_left', userId: 'bob', code: 4403 },
  ]);
});
