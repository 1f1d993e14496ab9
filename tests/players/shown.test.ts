import { describe, expect, test } from 'bun:test';
import type { PlayersLimits } from '../../src/players/ports.ts';
import { playersShown } from '../../src/players/shown.ts';
import { TransferFigures } from '../../src/players/transfer-figures.ts';
import type { Shown } from '../../src/shown.ts';
import { pageOf } from '../../src/status/paging.ts';
import { type Actor, Stage } from './stage.ts';

const startedWallMs = Date.parse('2026-01-01T00:00:00Z') - 61_500;

function shownOf({ players, clock }: Stage): Shown {
  const nowWallMs = () => clock.wallMs();
  const self = { version: '1.2.3', instance: 'the-stage', startedWallMs, nowWallMs };
  const transfers = { of: () => [], waitingBytes: () => 0, figures: new TransferFigures() };
  return playersShown({ players, transfers, playersMax: 50, self });
}

function listed(stage: Stage, query = ''): any[] {
  return (pageOf(shownOf(stage).lists![0]!, new URLSearchParams(query)) as any).items;
}

const namesOf = (items: any[]) => items.map(({ userId }) => userId);

function page(stage: Stage, path: string): any {
  return shownOf(stage)
    .pages!.find((one) => one.path === path)!
    .read();
}

function meter(stage: Stage, name: string): any {
  return shownOf(stage)
    .meters.find((one) => one.name === name)!
    .read();
}

function act(stage: Stage, path: string, params: Record<string, string>, body?: unknown) {
  return shownOf(stage)
    .actions!.find((one) => one.path === path)!
    .act(params, body);
}

const disconnect = (stage: Stage, userId: string) =>
  act(stage, '/players/{userId}/disconnect', { userId });

describe('the list', () => {
  test('has everybody who is in, in the order in which they came', async () => {
    const stage = await new Stage().begin();
    stage.enter('zoe', 2, { userName: 'Zoe' });
    await stage.pass(1500);
    stage.enter('ann', 1);
    stage.stranger();
    expect(listed(stage)).toEqual([
      {
        userId: 'zoe',
        userName: 'Zoe',
        connectedAt: '2026-01-01T00:00:00.000Z',
        instance: 'the-stage',
        latencyMs: null,
        transfers: [],
      },
      {
        userId: 'ann',
        userName: null,
        connectedAt: '2026-01-01T00:00:01.500Z',
        instance: 'the-stage',
        latencyMs: null,
        transfers: [],
      },
    ]);
  });

  test('of a user, of a name', async () => {
    const stage = await new Stage().begin();
    stage.enter('ann', 2, { userName: 'Same' });
    stage.enter('bob', 2, { userName: 'Same' });
    stage.enter('same');
    expect(namesOf(listed(stage, 'userId=same'))).toEqual(['same']);
    expect(namesOf(listed(stage, 'userName=Same'))).toEqual(['ann', 'bob']);
    expect(namesOf(listed(stage, 'userName=Same&userId=bob'))).toEqual(['bob']);
    expect(listed(stage, 'userName=')).toEqual([]);
  });

  test('has who takes over as who came last, so that no page loses anybody', async () => {
    const stage = await new Stage().begin();
    for (const userId of ['a', 'b', 'c']) stage.enter(userId);
    const [list] = shownOf(stage).lists!;
    const first = pageOf(list!, new URLSearchParams('limit=2')) as any;
    await stage.pass(1000);
    stage.enter('a');
    const second = pageOf(list!, new URLSearchParams(`cursor=${first.next}`)) as any;
    expect([namesOf(first.items), namesOf(second.items)]).toEqual([
      ['a', 'b'],
      ['c', 'a'],
    ]);
    expect(second.items[1].connectedAt).toBe('2026-01-01T00:00:01.000Z');
    expect(namesOf(listed(stage))).toEqual(['b', 'c', 'a']);
    const numbers = [...list!.items()].map((item) => list!.numberOf(item));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });
});

describe('the latency', () => {
  const latencyOf = (stage: Stage) => listed(stage)[0].latencyMs;

  test('is the round trip of the newest ping that was answered', async () => {
    const stage = await new Stage().begin();
    const ann = stage.enter('ann');
    await stage.pass(30_000);
    expect(ann.pings).toHaveLength(1);
    await stage.pass(123.46);
    expect(latencyOf(stage)).toBeNull();
    ann.pong();
    expect(latencyOf(stage)).toBe(123.5);
    ann.pong();
    await stage.pass(30_000);
    expect(ann.pings).toHaveLength(2);
    stage.players.pong(ann.seat, 'of its own');
    expect(latencyOf(stage)).toBe(123.5);
    await stage.pass(20);
    ann.pong();
    expect(latencyOf(stage)).toBe(143.5);
  });

  test('is taken of those, too, who are asked for receipts all the time', async () => {
    const stage = await new Stage().begin();
    const ann = stage.enter('ann');
    const bob = stage.enter('bob');
    for (let n = 0; n < 33; n++) {
      bob.tell('ann', n);
      await stage.pass(1000);
      ann.pong();
    }
    expect(ann.pings.length).toBeGreaterThan(33);
    expect(latencyOf(stage)).toBeGreaterThan(0);
    expect(latencyOf(stage)).toBeLessThanOrEqual(2000);
  });

  test('costs a connection no more pings than it gets anyway', async () => {
    const stage = await new Stage({ pingIntervalMs: 1000 }).begin();
    const [stranger, quiet, ann] = [stage.stranger(), stage.enter('quiet'), stage.enter('ann')];
    for (let n = 0; n < 5; n++) {
      await stage.pass(1000);
      ann.pong();
    }
    expect([stranger, quiet, ann].map(({ pings }) => pings.length)).toEqual([5, 5, 5]);
  });

  test('counts from the first of two pings that have the same number', async () => {
    const stage = await new Stage({ pingIntervalMs: 1000 }).begin();
    const ann = stage.enter('ann');
    const bob = stage.enter('bob');
    await stage.pass(850);
    bob.tell('ann', 'x');
    await stage.pass(150);
    expect(ann.pings).toHaveLength(2);
    expect(new Set(ann.pings).size).toBe(1);
    await stage.pass(100);
    ann.pong();
    expect(latencyOf(stage)).toBe(150);
  });
});

describe("today's bots", () => {
  test('read how many players there are', async () => {
    const stage = await new Stage().begin();
    expect(page(stage, '/players/count')).toEqual({ count: 0 });
    stage.enter('ann');
    stage.enter('bob').close();
    stage.enter('ann');
    expect(page(stage, '/players/count')).toEqual({ count: 1 });
  });

  test('read how full the server is', async () => {
    const stage = await new Stage().begin();
    stage.enter('ann');
    expect(page(stage, '/server_info')).toEqual({
      total_players_online: 1,
      total_max_players: 50,
      servers: [
        {
          name: 'the-stage',
          players_online: 1,
          max_players: 50,
          server_version: '1.2.3',
          uptime_seconds: 61,
          status: 'on',
        },
      ],
    });
  });
});

describe('an operator', () => {
  test('disconnects a player, whose links last for its grace', async () => {
    const stage = await new Stage().begin();
    const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
    ann.say({ type: 'connect', targetUserId: 'bob' });
    bob.say({ type: 'connect_accept', targetUserId: 'ann' });
    expect(meter(stage, 'links')).toBe(1);
    expect(await disconnect(stage, 'ann')).toEqual({ disconnected: true });
    expect([ann.ended, bob.ended]).toEqual([4403, undefined]);
    expect(await disconnect(stage, 'ann')).toBeUndefined();
    await stage.pass(29_000);
    expect([bob.of('disconnected'), meter(stage, 'links')]).toEqual([[], 1]);
    await stage.pass(1000);
    expect(bob.of('disconnected')).toEqual([{ type: 'disconnected', userId: 'ann' }]);
    expect(meter(stage, 'links')).toBe(0);
  });

  test('says something to every player once, of either protocol, and to no stranger', async () => {
    const stage = await new Stage().begin();
    const actors = [stage.enter('old', 1), stage.enter('new'), stage.stranger()];
    await stage.pass(1000);
    const message = 'a "quote" and 🌙';
    expect(await act(stage, '/broadcast', {}, { message })).toEqual({ players: 2 });
    const frame = { type: 'broadcast', message, ts: '2026-01-01T00:00:01.000Z' };
    expect(actors.map((actor) => actor.of('broadcast'))).toEqual([[frame], [frame], []]);
  });
});

describe('the numbers', () => {
  test('count players, strangers, and messages by what became of them', async () => {
    const stage = await new Stage({ queueMax: 1, reconnectGraceMs: 1000 }).begin();
    const [ann, bob, cat] = [stage.enter('ann'), stage.enter('bob'), stage.enter('cat')];
    stage.stranger().say('not JSON');
    for (const actor of [ann, bob, cat]) actor.say({ type: 'join', channel: 'c' });
    ann.shout('c', 'to two');
    ann.shout('empty', 'to nobody');
    ann.tell('bob', 'there');
    ann.tell('away', 1, 2);
    await stage.pass(1000);
    expect(ann.acks).toEqual([
      'to two completed',
      'to nobody failed',
      'there completed',
      '1 queued',
      '2 queued',
    ]);
    const names = ['players', 'sockets_unauthenticated', 'messages_total', 'delivered_total'];
    expect(names.map((name) => meter(stage, name))).toEqual([
      3,
      1,
      { user: 3, channel: 2 },
      { user: 1, channel: 2 },
    ]);
    const more = ['queued_total', 'failed_total', 'pushed_out_total', 'queued_messages'];
    expect(more.map((name) => meter(stage, name))).toEqual([2, 1, 1, 1]);
    const [{ text }] = (await stage.store.rings.read('players/u/away', 0, 1000)) as any;
    expect(meter(stage, 'queued_bytes')).toBe(text.length);
    stage.enter('away');
    await stage.pass();
    expect(meter(stage, 'delivered_total')).toEqual({ user: 2, channel: 2 });
    expect(meter(stage, 'refused_total')).toMatchObject({ bad_message: 1 });
  });

  test('count what was sent again to somebody who left without a word', async () => {
    const stage = await new Stage().begin();
    const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
    ann.tell('bob', 'x');
    bob.terminate();
    await stage.pass();
    stage.enter('bob');
    await stage.pass();
    expect(meter(stage, 'delivered_again_total')).toBe(1);
  });

  const refusals: [string, Partial<PlayersLimits>, (stage: Stage) => unknown][] = [
    ['bad_token', {}, (stage) => stage.stranger().say({ type: 'session_auth', token: 'guess' })],
    ['replaced', {}, (stage) => [stage.enter('ann'), stage.enter('ann')]],
    ['not_there', {}, (stage) => ask(stage.enter('ann'), 'nobody')],
    ['too_many_channels', { channelsMax: 0 }, (stage) => join(stage.enter('ann'))],
    ['disconnected', {}, (stage) => [stage.enter('ann'), disconnect(stage, 'ann')]],
    ['handshake_timeout', {}, (stage) => [stage.stranger(), stage.pass(11_000)]],
  ];
  const ask = (actor: Actor, targetUserId: string) => actor.say({ type: 'connect', targetUserId });
  const join = (actor: Actor) => actor.say({ type: 'join', channel: 'c' });

  test.each(refusals)('count %s', async (name, limits, cause) => {
    const stage = await new Stage(limits).begin();
    const all = cause(stage);
    for (const one of Array.isArray(all) ? all : []) await one;
    const refused = Object.entries(meter(stage, 'refused_total'));
    expect(refused.filter(([, count]) => count !== 0)).toEqual([[name, 1]]);
  });

  test('count who does not read', async () => {
    const stage = await new Stage().begin();
    const ann = stage.enter('ann');
    ann.buffered = 9000;
    await stage.pass(1000);
    expect(ann.ended).toBe(4508);
    expect(meter(stage, 'closed_slow_total')).toBe(1);
  });
});
