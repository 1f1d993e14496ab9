import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { ackOf, Game, given, tell, words } from '../support/players.ts';
import type { RawClient } from '../support/raw.ts';
import type { RelayClient } from '../support/relay-client.ts';

const game = new Game();
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);
/** Names of one test alone, for what has no receipt yet comes again to the next of that name. */
const names = (...all: string[]) => {
  const more = crypto.randomUUID().slice(0, 8);
  return all.map((name) => `${name}-${more}`) as [string, string, string];
};
/** Waits until the server has read what this one wrote. */
async function heard(client: RelayClient | RawClient): Promise<void> {
  client.say({ type: 'ping' });
  await client.next(({ type }) => type === 'pong');
}

describe('to a user who is online', () => {
  beforeAll(() => game.start());
  afterEach(() => game.leave());
  afterAll(() => game.stop());

  test.each([1, 2] as const)('a message arrives as it was sent, protocol %i', async (protocol) => {
    const [a, b] = names('ada', 'bob');
    const [ada, bob] = [await game.player(a), await game.player(b, { protocol })];
    const texts: string[] = [];
    bob.socket.addEventListener('message', ({ data }) => texts.push(data));
    ada.say(
      `{"type":"message","targetUserId":"${b}","data":{"big":12345678901234567890, "a":[1.0,null]},"msg_id":"m1"}`,
    );
    expect(await ackOf(ada, 'm1')).toEqual({
      type: 'message_ack',
      msg_id: 'm1',
      status: 'completed',
    });
    const { ts } = await bob.next(({ type }) => type === 'message');
    expect(ts).toMatch(rfc3339);
    expect(texts.filter((text) => text.startsWith('{"type":"message"'))).toEqual([
      `{"type":"message","fromUserId":"${a}","data":{"big":12345678901234567890, "a":[1.0,null]},"msg_id":"m1","ts":"${ts}"}`,
    ]);
  });

  test('without a msg_id it is given one, the same for both', async () => {
    const [a, b] = names('ada', 'bob');
    const [ada, bob] = [await game.player(a), await game.player(b)];
    ada.say({ type: 'message', targetUserId: b, data: null });
    const { msg_id: id, data } = await bob.next(({ type }) => type === 'message');
    expect(data).toBeNull();
    expect(id).toBeString();
    expect(await ackOf(ada, id)).toMatchObject({ status: 'completed' });
  });

  test('a user may write to itself', async () => {
    const [a] = names('ada');
    const ada = await game.player(a);
    ada.say({ type: 'message', targetUserId: a, data: words, msg_id: 'me' });
    await until('both', () => given(ada).length === 1 && ada.frames.at(-1)!.status !== undefined);
    expect(given(ada)).toEqual(['me']);
  });

  test('acknowledgements come in the order of the messages, online, away and broken', async () => {
    const [a, b] = names('ada', 'bob');
    const [ada, bob] = [await game.player(a), await game.player(b)];
    const say = (targetUserId: unknown, id: string) =>
      ada.say({ type: 'message', targetUserId, data: id, msg_id: id });
    for (const id of numbered(1, 30)) {
      say(b, id);
      say(`${id}-of-${b}`, `${id}-away`);
      say(7, `${id}-broken`);
    }
    const isAnswer = ({ type }: { type?: string }) => type === 'message_ack' || type === 'error';
    await until('the answers', () => ada.frames.filter(isAnswer as never).length === 90);
    const answers = ada.frames.filter(isAnswer as never);
    expect(answers.map(({ msg_id: id, status, code }) => `${id} ${status ?? code}`)).toEqual(
      numbered(1, 30).flatMap((id) => [`${id} completed`, `${id}-away queued`, 'undefined 400']),
    );
    expect(given(bob)).toEqual(numbered(1, 30));
  });
});

describe('to a user who is away', () => {
  let folder: string;
  beforeEach(async () => {
    folder = temporaryFolder();
    await game.start({ players: { queue_max: 4, away_rings_per_sender: 3 } }, folder);
  });
  afterEach(async () => {
    await game.stop();
    rmSync(folder, { recursive: true });
  });
  const again = () => game.start({ players: { queue_max: 4 } }, folder);

  test('the newest queue_max wait, also for who never came, and come oldest first, once', async () => {
    const ada = await game.player('ada');
    for (const id of numbered(1, 6)) expect(await tell(ada, 'bob', id)).toBe('queued');
    const bob = await game.rawPlayer('bob');
    await bob.next(({ msg_id: id }) => id === 'm6');
    expect(given(bob)).toEqual(numbered(3, 6));
    expect(bob.frames.find(({ type }) => type === 'message')).toMatchObject({ fromUserId: 'ada' });
    await heard(bob);
    const pings = bob.pings.length;
    expect(await tell(ada, 'bob', 'live')).toBe('completed');
    await bob.next(({ msg_id: id }) => id === 'live');
    await until('the ping behind it', () => bob.pings.length > pings);
    await heard(bob);
    bob.destroy();
    const back = await game.player('bob');
    expect(await tell(ada, 'bob', 'last')).toBe('completed');
    await back.next(({ msg_id: id }) => id === 'last');
    expect(given(back)).toEqual(['last']);
  });

  test('a connection that vanishes without a receipt is no receipt: the next gets them again', async () => {
    const ada = await game.player('ada');
    await tell(ada, 'bob', 'waited');
    const first = await game.rawPlayer('bob', { pongs: false });
    await first.next(({ msg_id: id }) => id === 'waited');
    expect(await tell(ada, 'bob', 'live')).toBe('completed');
    await first.next(({ msg_id: id }) => id === 'live');
    first.destroy();
    const second = await game.rawPlayer('bob', { pongs: false });
    await second.next(({ msg_id: id }) => id === 'live');
    expect(given(second)).toEqual(['waited', 'live']);
    // Taken over instead of vanished; the second one never answered either.
    const third = await game.player('bob');
    await third.next(({ msg_id: id }) => id === 'live');
    expect(given(third)).toEqual(['waited', 'live']);
    await heard(third);
    await third.close();
    const fourth = await game.player('bob');
    expect(await tell(ada, 'bob', 'new')).toBe('completed');
    await fourth.next(({ msg_id: id }) => id === 'new');
    expect(given(fourth)).toEqual(['new']);
  });

  test('what is queued, and what never had a receipt, is there after a stop and a start', async () => {
    const ada = await game.player('ada');
    const mute = await game.rawPlayer('mute', { pongs: false });
    expect(await tell(ada, 'mute', 'unconfirmed')).toBe('completed');
    for (const id of numbered(1, 3)) expect(await tell(ada, 'bob', id, words)).toBe('queued');
    const stranger = await game.socket('/player');
    game.server.signal('SIGTERM');
    for (const client of [ada, stranger])
      expect(await client.ended()).toEqual({ code: 1001, reason: 'going away' });
    expect((await mute.end())?.code).toBe(1001);
    await game.stop();
    await again();
    const bob = await game.player('bob');
    await bob.next(({ msg_id: id }) => id === 'm3');
    expect(given(bob)).toEqual(numbered(1, 3));
    expect(bob.frames.at(-1)).toMatchObject({ fromUserId: 'ada', data: words });
    const back = await game.player('mute');
    await back.next(({ msg_id: id }) => id === 'unconfirmed');
  });

  test('one sender fills away_rings_per_sender rings, past it a message fails by that name', async () => {
    const ada = await game.player('ada');
    for (const name of ['a', 'b', 'c']) expect(await tell(ada, name, name)).toBe('queued');
    ada.say({ type: 'message', targetUserId: 'd', data: 1, msg_id: 'past' });
    expect(await ackOf(ada, 'past')).toEqual({
      type: 'message_ack',
      msg_id: 'past',
      status: 'failed',
      detail: 'players.away_rings_per_sender',
    });
    expect(await tell(ada, 'a', 'more of the same')).toBe('queued');
    expect(await tell(await game.player('other'), 'd', 'd')).toBe('queued');
    const a = await game.player('a');
    await a.next(({ msg_id: id }) => id === 'more of the same');
    await heard(a);
    await until('room', async () => (await tell(ada, 'e', crypto.randomUUID())) === 'queued');
  });
});

describe('to a channel', () => {
  beforeAll(() => game.start({ players: { channels_max: 2, reconnect_grace: '300ms' } }));
  afterEach(() => game.leave());
  afterAll(() => game.stop());

  const join = async (client: RelayClient, channel: string) => {
    client.say({ type: 'join', channel });
    await heard(client);
  };
  const toChannel = async (client: RelayClient, channel: string, msgId: string) => {
    client.say({ type: 'message', channel, data: words, msg_id: msgId });
    return ackOf(client, msgId);
  };

  test('everybody else who joined gets it, once; the sender and who left do not', async () => {
    const channel = crypto.randomUUID();
    const all = names('ada', 'bob', 'cleo', 'out');
    const [ada, bob, cleo, out] = await Promise.all(all.map((name) => game.player(name)));
    expect(await toChannel(ada!, channel, 'early')).toEqual({
      type: 'message_ack',
      msg_id: 'early',
      status: 'failed',
      detail: 'nobody is there',
    });
    for (const one of [ada, ada, bob, bob, cleo]) await join(one!, channel);
    expect(await toChannel(ada!, channel, 'm1')).toMatchObject({ status: 'completed' });
    for (const one of [bob, cleo])
      expect(await one!.next(({ type }) => type === 'message')).toEqual({
        type: 'message',
        fromUserId: all[0],
        data: words,
        msg_id: 'm1',
        ts: expect.stringMatching(rfc3339),
      });
    cleo!.say({ type: 'leave', channel });
    await heard(cleo!);
    expect(await toChannel(out!, channel, 'm2')).toMatchObject({ status: 'completed' });
    for (const one of [ada, bob, cleo, out]) await heard(one!);
    expect([ada, bob, cleo, out].map((one) => given(one!))).toEqual([
      ['m2'],
      ['m1', 'm2'],
      ['m1'],
      [],
    ]);
    bob!.say({ type: 'leave', channel }, { type: 'leave', channel });
    await heard(bob!);
    expect(await toChannel(ada!, channel, 'alone')).toMatchObject({ status: 'failed' });
  });

  test('a place outlives a takeover and a short absence, not a long one', async () => {
    const channel = crypto.randomUUID();
    const [a, b] = names('ada', 'bob');
    const [ada, bob] = [await game.player(a), await game.player(b)];
    await join(bob, channel);
    const second = await game.player(b);
    expect((await bob.ended()).code).toBe(4410);
    expect(await toChannel(ada, channel, 'taken over')).toMatchObject({ status: 'completed' });
    await second.next(({ msg_id: id }) => id === 'taken over');
    await second.close();
    const isAway = async (id: string) => (await toChannel(ada, channel, id)).status === 'failed';
    await until('it to be gone', () => isAway(crypto.randomUUID()));
    const third = await game.player(b);
    expect(await toChannel(ada, channel, 'back')).toMatchObject({ status: 'completed' });
    await third.next(({ msg_id: id }) => id === 'back');
    await third.close();
    const goneMs = Date.now();
    await until('the grace to pass', () => Date.now() > goneMs + 500);
    const late = await game.player(b);
    expect(await isAway('for long')).toBeTrue();
    await late.close();
  });

  test('past channels_max a join is refused by name, and a place that is left is free', async () => {
    const [a, b, name] = names('ada', 'bob', 'channel');
    const ada = await game.player(a);
    for (const n of [1, 2, 2, 1]) await join(ada, `${name}-${n}`);
    ada.say({ type: 'join', channel: `${name}-3` });
    expect(await ada.next(({ type }) => type === 'error')).toMatchObject({
      code: 429,
      message: 'Too many channels (players.channels_max).',
    });
    ada.say({ type: 'leave', channel: `${name}-1` });
    await join(ada, `${name}-3`);
    const bob = await game.player(b);
    for (const [n, status] of [
      [1, 'failed'],
      [2, 'completed'],
      [3, 'completed'],
    ])
      expect(await toChannel(bob, `${name}-${n}`, `m${n}`)).toMatchObject({ status });
  });
});
