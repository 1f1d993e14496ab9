import { expect, test } from 'bun:test';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { type Actor, Stage } from './stage.ts';

test('a takeover flushes what the older connection never confirmed before anything live', async () => {
  const stage = await new Stage().begin();
  const older = stage.mod();
  const bot = stage.bot();
  bot.say(botMessage('1'), botMessage('2'));
  expect(older.contents).toEqual(['1', '2']);
  const newer = stage.mod();
  expect(older.ended).toBe(4410);
  bot.say(botMessage('3'));
  await stage.pass(10);
  expect(newer.contents).toEqual(['1', '2', '3']);
});

test('a ping goes to one recipient that keeps up, an interval after the first message at the latest', async () => {
  const stage = await new Stage().begin();
  const [first, second, bot] = [stage.mod('s1'), stage.mod('s2'), stage.bot()];
  bot.say(botMessage('1'));
  await stage.pass(99);
  expect(first.pings.length + second.pings.length).toBe(0);
  await stage.pass(1);
  expect([first.pings.length, second.pings.length]).toEqual([1, 0]);
  first.pong();
  await stage.pass(1000);
  expect([first.pings.length, second.pings.length]).toEqual([1, 0]);
});

test('without a pong within another interval all others are asked, and one receipt is enough', async () => {
  const stage = await new Stage().begin();
  const [mute, second, bot] = [stage.mod('s1'), stage.mod('s2'), stage.bot()];
  bot.say(botMessage('1'));
  await stage.pass(200);
  expect([mute.pings.length, second.pings.length]).toEqual([1, 1]);
  second.pong();
  for (const mod of [mute, second]) mod.close(1006);
  const next = stage.mod('s3');
  await stage.pass(1000);
  expect(next.contents).toEqual([]);
});

test('a ping stands directly behind a flush, and its pong empties the ring', async () => {
  const stage = await new Stage({ receiptIntervalMs: 60_000, slowBytes: 10_000 }).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'), modMessage('2'));
  await stage.pass();
  const bot = stage.bot();
  await stage.pass(1);
  expect(bot.got.map(({ content, ping }) => content ?? (ping ? 'ping' : 'connected'))).toEqual([
    'connected',
    '1',
    '2',
    'ping',
  ]);
  expect(await stage.stored('relay/bot/100')).toEqual(['1', '2']);
  bot.pong();
  await stage.pass();
  expect(await stage.stored('relay/bot/100')).toEqual([]);
});

test('only a number that was sent on that connection is a receipt', async () => {
  const stage = await new Stage().begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  await stage.pass();
  const bot = stage.bot();
  await stage.pass(1);
  const number = Number(bot.pings[0]);
  for (const forged of ['', ' ', '0', `${number + 1}`, `${number}.0`, `0${number}`, 'NaN', '-1'])
    stage.relay.pong(bot.seat, forged);
  stage.relay.pong(mod.seat, bot.pings[0]!);
  await stage.pass();
  expect(await stage.stored('relay/bot/100')).toEqual(['1']);
});

test('what a dead connection never confirmed goes in before what was queued behind it', async () => {
  const stage = await new Stage({ queueMax: 3 }).begin();
  const [mod, bot] = [stage.mod(), stage.bot()];
  mod.say(modMessage('1'), modMessage('2'));
  bot.buffered = 2000;
  await stage.pass();
  mod.say(modMessage('3'), modMessage('4'));
  await stage.pass();
  expect(mod.statuses).toEqual(['connected', 'completed', 'completed', 'queued', 'queued']);
  bot.close(1006);
  await stage.pass();
  expect(await stage.stored('relay/bot/100')).toEqual(['2', '3', '4']);
});

test('a flush sends little more than slow_bytes in a turn, and goes on when that is read', async () => {
  // The store never answers, so all texts are still at hand.
  const stage = await new Stage({ queueMax: 100 }, { put: () => new Promise(() => {}) }).begin();
  const mod = stage.mod();
  for (let i = 0; i < 50; i++) mod.say(modMessage(`${i}`, 'x'.repeat(100)));
  const bot = stage.bot();
  expect(bot.contents.length).toBeLessThanOrEqual(3);
  bot.buffered = 2000;
  await stage.pass(100);
  expect(bot.contents.length).toBeLessThanOrEqual(3);
  bot.buffered = 0;
  stage.relay.drained(bot.seat);
  await stage.pass(1);
  expect(bot.contents.length).toBe(50);
});

test('one slow recipient holds nobody up, and stays in', async () => {
  const stage = await new Stage().begin();
  const [slow, well, bot] = [stage.mod('s1'), stage.mod('s2'), stage.bot()];
  slow.buffered = 2000;
  bot.say(botMessage('1'));
  await stage.pass();
  bot.say(botMessage('2'));
  await stage.pass();
  expect(bot.statuses).toEqual(['connected', 'completed', 'completed']);
  expect([slow.contents, well.contents]).toEqual([
    ['1', '2'],
    ['1', '2'],
  ]);
});

test('when nobody keeps up, the first to read on gets what waits, and each gets it once', async () => {
  const stage = await new Stage().begin();
  const [one, two, bot] = [stage.mod('s1'), stage.mod('s2'), stage.bot()];
  for (const mod of [one, two]) mod.buffered = 2000;
  bot.say(botMessage('1'));
  await stage.pass();
  bot.say(botMessage('2'));
  await stage.pass();
  expect(bot.statuses.at(-1)).toBe('queued');
  one.buffered = 0;
  stage.relay.drained(one.seat);
  await stage.pass();
  bot.say(botMessage('3'));
  await stage.pass();
  expect(one.contents).toEqual(['1', '2', '3']);
  two.buffered = 0;
  stage.relay.drained(two.seat);
  await stage.pass();
  expect(two.contents).toEqual(['1', '3']);
});

test('behind for longer than slow_timeout, or past too_slow_bytes, is closed with 4508', async () => {
  const stage = await new Stage().begin();
  const [lasting, sudden, bot] = [stage.mod('s1'), stage.mod('s2'), stage.bot()];
  lasting.buffered = 1001;
  sudden.buffered = 8001;
  bot.say(botMessage('1'));
  await stage.pass(9000);
  expect([lasting.ended, sudden.ended]).toEqual([undefined, 4508]);
  await stage.pass(2500);
  expect(lasting.ended).toBe(4508);
});

test('past unreceipted_bytes_max a message goes through the store, and still arrives', async () => {
  const stage = await new Stage({ unreceiptedBytesMax: 500 }).begin();
  const [mod, bot] = [stage.mod(), stage.bot()];
  for (let i = 1; i <= 5; i++) mod.say(modMessage(`${i}`));
  await stage.pass();
  expect(bot.contents).toEqual(['1', '2', '3', '4', '5']);
  const stored = await stage.stored('relay/bot/100');
  expect(stored.length).toBeGreaterThan(0);
  bot.pong();
  await stage.pass(200);
  bot.pong();
  await stage.pass();
  expect(await stage.stored('relay/bot/100')).toEqual([]);
});

test('a silent first bot is ended after bot_check_timeout, and the frames of the second count', async () => {
  const stage = await new Stage().begin();
  const [mod, first] = [stage.mod(), stage.bot('first')];
  mod.say(modMessage('never confirmed'));
  const second = stage.bot('second');
  second.say(botMessage('early'));
  expect(first.pings).toHaveLength(1);
  const third = stage.bot('third');
  expect([third.ended, third.got[0]!.code]).toEqual([4409, 409]);
  await stage.pass(4999);
  expect([first.ended, second.got]).toEqual([undefined, []]);
  await stage.pass(1);
  expect(first.ended).toBe(1006);
  await stage.pass(1);
  expect(second.statuses).toEqual(['connected', 'completed']);
  expect(second.contents).toEqual(['never confirmed']);
  expect(mod.contents).toEqual(['early']);
});

test.each(['a pong', 'data', 'an empty pong'])(
  '%s of the first bot sends the second away',
  async (sign) => {
    const stage = await new Stage().begin();
    const first = stage.bot('first');
    const second = stage.bot('second');
    if (sign === 'data') first.say(botMessage('alive'));
    else stage.relay.pong(first.seat, sign === 'a pong' ? first.pings[0]! : '');
    expect([second.ended, second.got[0]!.code, first.ended]).toEqual([4409, 409, undefined]);
  },
);

test('a waiting bot may send waiting_frames_max frames, and no more', async () => {
  const stage = await new Stage({ waitingFramesMax: 2 }).begin();
  stage.bot('first');
  const second = stage.bot('second');
  second.say(botMessage('1'), botMessage('2'));
  expect(second.ended).toBeUndefined();
  second.say(botMessage('3'));
  expect(second.ended).toBe(4429);
});

test('past unacknowledged_max a message is 429, in its place among the answers', async () => {
  const gate = Promise.withResolvers<void>();
  const stage: Stage = await new Stage(
    { unacknowledgedMax: 2 },
    { put: (...call) => gate.promise.then(() => stage.store.rings.put(...call)) },
  ).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'), modMessage('2'), modMessage('3'));
  expect(mod.got).toHaveLength(1);
  gate.resolve();
  await stage.pass();
  expect(mod.got.slice(1).map(({ status, code }) => status ?? code)).toEqual([
    'queued',
    'queued',
    429,
  ]);
  expect(mod.got.at(-1)).toMatchObject({ msg_id: '3', detail: 'gateway.unacknowledged_max' });
});

test('silence of read_deadline ends a connection, though we keep sending to it', async () => {
  const stage = await new Stage().begin();
  const [mod, bot] = [stage.mod(), stage.bot()];
  for (let i = 0; i < 59; i++) {
    mod.say(modMessage(`${i}`));
    await stage.pass(1000);
  }
  expect(bot.ended).toBeUndefined();
  await stage.pass(2000);
  expect([bot.ended, mod.ended]).toEqual([1006, undefined]);
});

test('a failed deletion is tried again, and a received row never comes twice', async () => {
  let failing = true;
  const stage: Stage = await new Stage(
    {},
    {
      drop: (...call) =>
        failing ? Promise.reject(new Error('no')) : stage.store.rings.drop(...call),
    },
  ).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  await stage.pass();
  const bot = stage.bot();
  await stage.pass(1);
  bot.pong();
  await stage.pass(1);
  bot.close(1000);
  const next = stage.bot();
  await stage.pass(10);
  expect(next.contents).toEqual([]);
  expect(await stage.stored('relay/bot/100')).toEqual(['1']);
  failing = false;
  await stage.pass(1000);
  expect(await stage.stored('relay/bot/100')).toEqual([]);
});

test('rows that wait for their deletion take no room from those that wait for a recipient', async () => {
  const stage: Stage = await new Stage(
    { queueMax: 2 },
    { drop: () => Promise.reject(new Error('no')) },
  ).begin();
  const [first, bot] = [stage.mod('s1'), stage.bot()];
  const behind = (...mods: Actor[]) => {
    for (const mod of mods) {
      mod.buffered = 2000;
      stage.relay.drained(mod.seat);
    }
  };
  bot.say(botMessage('1'));
  const second = stage.mod('s2');
  behind(first, second);
  bot.say(botMessage('2'));
  await stage.pass();
  second.buffered = 0;
  stage.relay.drained(second.seat);
  await stage.pass(1);
  expect(second.contents).toEqual(['2']);
  // `2` is to be deleted, and cannot be; then `1`, which nobody received, joins the ring below it.
  second.pong();
  first.close(1006);
  await stage.pass(1);
  behind(second);
  bot.say(botMessage('3'));
  await stage.pass(1);
  expect(bot.statuses.at(-1)).toBe('queued');
  second.close(1006);
  const next = stage.mod('s3');
  await stage.pass(10);
  expect(next.contents).toEqual(['1', '3']);
});

test('a message that the store refuses is failed, and pushes nothing out', async () => {
  let failing = false;
  const stage: Stage = await new Stage(
    { queueMax: 2 },
    {
      put: (...call) =>
        failing ? Promise.reject(new Error('full')) : stage.store.rings.put(...call),
    },
  ).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'), modMessage('2'));
  await stage.pass();
  failing = true;
  mod.say(modMessage('3'));
  await stage.pass();
  failing = false;
  expect(mod.got.at(-1)).toEqual({
    status: 'failed',
    type: 'mod',
    msg_id: '3',
    detail: 'not stored',
  });
  const bot = stage.bot();
  await stage.pass(10);
  expect(bot.contents).toEqual(['1', '2']);
});

test('a read that fails is tried again while the recipient waits, and what comes meanwhile waits too', async () => {
  let failing = true;
  const stage: Stage = await new Stage(
    {},
    {
      read: (...call) =>
        failing ? Promise.reject(new Error('no')) : stage.store.rings.read(...call),
    },
  ).begin();
  const mod = stage.mod();
  mod.say(modMessage('1'));
  await stage.pass();
  const bot = stage.bot();
  await stage.pass(100);
  mod.say(modMessage('2'));
  await stage.pass(100);
  expect(bot.contents).toEqual([]);
  failing = false;
  await stage.pass(1000);
  expect(bot.contents).toEqual(['1', '2']);
});

test('a present mod whose held messages were not sent has not confirmed them', async () => {
  const gate = Promise.withResolvers<void>();
  const stage: Stage = await new Stage(
    { queueMax: 4 },
    { read: (...call) => gate.promise.then(() => stage.store.rings.read(...call)) },
  ).begin();
  const [first, bot] = [stage.mod('s0'), stage.bot()];
  bot.say(botMessage('waited'));
  const live = stage.mod('s1');
  first.close(1006);
  await stage.pass();
  // `waited` is in the ring now, and s2 waits for the store to read it; s1 is past it, and live.
  const flushing = stage.mod('s2');
  bot.say(botMessage('late'));
  expect(live.contents).toEqual(['late']);
  await stage.pass(30_500);
  // A keep-alive ping went out after `late`, which is still held back.
  flushing.pong();
  expect(flushing.contents).toEqual([]);
  flushing.close(1006);
  live.close(1006);
  gate.resolve();
  const next = stage.mod('s3');
  await stage.pass(10);
  expect(next.contents).toEqual(['waited', 'late']);
});

test('a ping from before the handshake is no receipt afterwards', async () => {
  const stage = await new Stage({ pingIntervalMs: 1000 }).begin();
  const late = stage.enter();
  const mod = stage.mod();
  mod.say(...Array.from({ length: 9 }, (_, i) => modMessage(`${i}`)));
  const first = stage.bot();
  first.say(...Array.from({ length: 100 }, (_, i) => botMessage(`b${i}`)));
  await stage.pass(3000);
  expect(late.pings.length).toBeGreaterThan(0);
  first.close(1000);
  await stage.pass(10);
  const waiting = await stage.stored('relay/bot/100');
  expect(waiting.length).toBe(8);
  const early = late.pings.at(-1)!;
  late.say({ type: 'bot', data: { bot_id: 'late' } });
  await stage.pass(1);
  expect(late.contents.length).toBe(8);
  stage.relay.pong(late.seat, early);
  await stage.pass(1);
  expect(await stage.stored('relay/bot/100')).toEqual(waiting);
});

test('past unacknowledged_max each of many messages gets its 429, and nobody is cut off', async () => {
  const stage = await new Stage({ unacknowledgedMax: 10 }).begin();
  const mod = stage.mod();
  mod.say(...Array.from({ length: 300 }, (_, i) => modMessage(`${i}`)));
  await stage.pass();
  const answers = mod.got.slice(1).map(({ status, code, msg_id: id }) => `${id} ${status ?? code}`);
  expect(answers).toEqual(
    Array.from({ length: 300 }, (_, i) => `${i} ${i < 10 ? 'queued' : '429'}`),
  );
  expect(mod.ended).toBeUndefined();
});

test('an answer that is ready at once does not count as unacknowledged', async () => {
  const stage = await new Stage({ unacknowledgedMax: 10, queueMax: 0 }).begin();
  const mod = stage.mod();
  mod.say(...Array.from({ length: 100 }, (_, i) => modMessage(`${i}`)));
  expect(mod.statuses.slice(1)).toEqual(Array.from({ length: 100 }, () => 'failed'));
});

test('a pong that comes while a stop stores the message still says that it was received', async () => {
  const gate = Promise.withResolvers<void>();
  const stage: Stage = await new Stage(
    {},
    {
      put: (...call) => gate.promise.then(() => stage.store.rings.put(...call)),
      drop: (...call) => gate.promise.then(() => stage.store.rings.drop(...call)),
    },
  ).begin();
  const [mod, bot] = [stage.mod(), stage.bot()];
  mod.say(modMessage('1'));
  const stopped = stage.relay.drain(10_000);
  await stage.pass(2000);
  expect(bot.ended).toBeUndefined();
  bot.pong();
  gate.resolve();
  await stage.pass(2000);
  await stopped;
  expect(bot.ended).toBe(1001);
  expect(await stage.stored('relay/bot/100')).toEqual([]);
});

test('a stop closes nobody before what has no receipt is in the store', async () => {
  const gate = Promise.withResolvers<void>();
  const stage: Stage = await new Stage(
    {},
    { put: (...call) => gate.promise.then(() => stage.store.rings.put(...call)) },
  ).begin();
  const [mod, bot] = [stage.mod(), stage.bot()];
  mod.say(modMessage('1'));
  const stopped = stage.relay.drain(10_000);
  await stage.pass(5000);
  expect([mod.ended, bot.ended]).toEqual([undefined, undefined]);
  gate.resolve();
  await stage.pass(1);
  await stopped;
  expect(await stage.stored('relay/bot/100')).toEqual(['1']);
  expect([mod.ended, bot.ended]).toEqual([1001, 1001]);
});
