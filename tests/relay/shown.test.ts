import { describe, expect, test } from 'bun:test';
import type { RelayLimits } from '../../src/relay/seat.ts';
import { relayShown } from '../../src/relay/shown.ts';
import type { RingStore } from '../../src/store/store.ts';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { Stage } from './stage.ts';

/** The relay on its stage, and what it shows. */
async function staged(limits: Partial<RelayLimits> = {}, intercept: Partial<RingStore> = {}) {
  const stage = await new Stage(limits, intercept).begin();
  return { stage, ...watched(stage) };
}

function watched({ relay, clock }: Stage) {
  const { meters, lists, actions } = relayShown(relay, clock);
  const [list] = lists!;
  const [drop] = actions!;
  const seen = new Map<string, number>();
  return {
    meter: (name: string) => meters.find((one) => one.name === name)!.read() as any,
    channels: (): any[] => Array.from(list!.items(), (one) => list!.view(one)),
    numbers: () => Array.from(list!.items(), (one) => list!.numberOf(one)),
    bot: () => (list!.beside!.read() as any).bot,
    drop: (channel = '100') => drop!.act({ channel }, undefined),
    /** No counter is below what it was when this was called before. */
    counted() {
      for (const { name, kind, read } of meters) {
        if (kind !== 'counter') continue;
        const value = read();
        const all = typeof value === 'number' ? { '': value } : value;
        for (const [label, number] of Object.entries(all)) {
          expect(number).toBeGreaterThanOrEqual(seen.get(name + label) ?? 0);
          seen.set(name + label, number);
        }
      }
    },
  };
}

const toA = { destination: { channel_id: 'A' } };

describe('the list of channels', () => {
  test('has those with a mod or a message waiting, and nobody else', async () => {
    const { stage, channels, bot } = await staged();
    expect(bot()).toEqual({ connected: false, id: null, since: null });
    const mod = stage.mod();
    stage.mod('other');
    mod.say(modMessage('1'), modMessage('2', '2', toA));
    await stage.pass(1000);
    expect(channels()).toEqual([
      {
        channel: '100',
        mods: 2,
        queued: { toMods: 0, toBot: 1 },
        messages: 1,
        lastSeen: '2026-01-01T00:00:00.000Z',
      },
      {
        channel: 'A',
        mods: 0,
        queued: { toMods: 0, toBot: 1 },
        messages: 1,
        lastSeen: '2026-01-01T00:00:00.000Z',
      },
    ]);
    const robot = stage.bot('r2');
    await stage.pass();
    robot.pong();
    await stage.pass();
    expect(bot()).toEqual({ connected: true, id: 'r2', since: '2026-01-01T00:00:01.000Z' });
    expect(channels().map(({ channel, queued }) => [channel, queued.toBot])).toEqual([['100', 0]]);
    robot.close(1000);
    expect(bot().connected).toBeFalse();
  });

  test('counts the messages of both sides while it knows the channel', async () => {
    const { stage, channels } = await staged();
    const [mod, robot] = [stage.mod(), stage.bot()];
    for (const n of ['1', '2', '3']) {
      mod.say(modMessage(n));
      robot.say(botMessage(n));
      await stage.pass(200);
      for (const actor of [mod, robot]) actor.pong();
      await stage.pass(200);
    }
    expect(channels()).toMatchObject([{ channel: '100', messages: 6 }]);
    expect(channels()[0].lastSeen).toBe('2026-01-01T00:00:00.800Z');
    mod.close(1000);
    expect(channels()).toEqual([]);
  });

  test('has numbers that grow, whichever channels come and go', async () => {
    const { stage, numbers } = await staged();
    const mods = ['a', 'b', 'c', 'd'].map((name) => stage.mod(name, name));
    mods[1]!.close(1000);
    stage.mod('again', 'b');
    expect(numbers()).toEqual([1, 3, 4, 5]);
  });

  test('has what an earlier run left, with nobody there', async () => {
    const early = await new Stage().begin();
    early.mod().say(modMessage('1'), modMessage('2'));
    await early.pass();
    const stage = new Stage({}, early.store.rings);
    await stage.begin();
    const { channels, meter } = watched(stage);
    expect(channels()).toEqual([
      { channel: '100', mods: 0, queued: { toMods: 0, toBot: 2 }, messages: 0, lastSeen: null },
    ]);
    expect([meter('channels'), meter('queued_messages')]).toEqual([1, 2]);
  });
});

describe('the numbers', () => {
  test('follow what is said, sent, queued and confirmed', async () => {
    const { stage, meter, counted } = await staged({ slowBytes: 10_000 });
    const [one, two] = [stage.mod('s1'), stage.mod('s2')];
    one.say(modMessage('1', 'x', { id: 's1' }), modMessage('2', 'x', { id: 's1' }));
    await stage.pass();
    counted();
    expect([meter('mods'), meter('bot_connected'), meter('queued_messages')]).toEqual([2, 0, 2]);
    expect(meter('queued_bytes')).toBeGreaterThan(200);
    const robot = stage.bot();
    await stage.pass();
    robot.pong();
    robot.say(botMessage('3'), botMessage('4'), botMessage('5'));
    await stage.pass();
    counted();
    expect(meter('unreceipted_characters')).toBeGreaterThan(300);
    await stage.pass(200);
    one.pong();
    await stage.pass();
    expect(meter('messages_total')).toEqual({ mod: 2, bot: 3 });
    expect(meter('delivered_total')).toEqual({ mods: 6, bot: 2 });
    expect(meter('queued_total')).toBe(2);
    expect(meter('receipts_total')).toBe(2);
    for (const name of ['queued_messages', 'queued_bytes', 'unreceipted_characters'])
      expect([name, meter(name)]).toEqual([name, 0]);
    for (const actor of [one, two, robot]) actor.close(1000);
    counted();
    expect([meter('mods'), meter('bot_connected'), meter('channels')]).toEqual([0, 0, 0]);
    expect(meter('delivered_again_total')).toBe(0);
  });

  test('tell what was sent again, and nothing that is sent the first time', async () => {
    const { stage, meter } = await staged();
    stage.bot().say(botMessage('1'), botMessage('2'));
    await stage.pass();
    const first = stage.mod('s1');
    await stage.pass();
    expect(first.contents).toEqual(['1', '2']);
    expect(meter('delivered_again_total')).toBe(0);
    first.close(1006);
    stage.mod('s2');
    await stage.pass();
    expect(meter('delivered_again_total')).toBe(2);
    expect(meter('delivered_total')).toEqual({ mods: 4, bot: 0 });
  });

  test('tell what was pushed out by newer ones, and nothing else', async () => {
    const { stage, meter } = await staged({ queueMax: 2 });
    const robot = stage.bot();
    robot.say(...['1', '2', '3', '4', '5'].map((n) => botMessage(n)));
    await stage.pass();
    expect([meter('pushed_out_total'), meter('queued_messages')]).toEqual([3, 2]);
    const narrow = await staged({ unreceiptedBytesMax: 1 << 20, ringBytesMax: 300 });
    const mod = narrow.stage.mod();
    narrow.stage.bot().say(...['1', '2', '3'].map((n) => botMessage(n)));
    mod.close(1006);
    await narrow.stage.pass();
    expect([narrow.meter('pushed_out_total'), narrow.meter('queued_messages')]).toEqual([0, 3]);
  });

  test('tell what failed: at a bound, and in the store', async () => {
    const full = await staged({ queueMax: 0 });
    full.stage.mod().say(modMessage('1'));
    expect([full.meter('failed_total'), full.meter('queued_total')]).toEqual([1, 0]);
    const put = () => Promise.reject(new Error('full'));
    const broken = await staged({}, { put });
    const mod = broken.stage.mod();
    mod.say(modMessage('1'));
    await broken.stage.pass();
    expect(mod.statuses).toEqual(['connected', 'failed']);
    expect(broken.meter('failed_total')).toBe(1);
    expect(broken.meter('queued_messages')).toBe(0);
  });

  test('tell the reasons of refusals by their words', async () => {
    const { stage, meter } = await staged({ rateLimit: 2, rateLimitTimeoutMs: 500 });
    stage.enter().say({ type: 'nobody' });
    stage.enter({ name: 'k', role: 'bot' }).say({
      type: 'mod',
      data: { server_id: 's', channel_id: 'c' },
    });
    const mod = stage.mod();
    mod.say(modMessage('1', ''), modMessage('2', 'x', { id: 'not me' }));
    for (let n = 0; n < 4 && mod.ended === undefined; n++) {
      mod.say(...Array.from({ length: 5 }, (_, i) => modMessage(`${n}.${i}`)));
      await stage.pass(200);
    }
    expect(mod.ended).toBe(4429);
    stage.enter();
    await stage.pass(62_000);
    const { too_many_messages: tooMany, ...others } = meter('refused_total');
    expect(tooMany).toBeGreaterThan(5);
    expect(others).toEqual({
      bad_key: 0,
      not_upgrading: 0,
      malformed_handshake: 1,
      handshake_timeout: 1,
      handshake_forbidden: 1,
      bot_connected: 0,
      malformed_message: 2,
      forbidden: 0,
      floods: 1,
    });
    expect(meter('closed_slow_total')).toBe(0);
  });

  test('tell who was closed for not reading', async () => {
    const { stage, meter } = await staged();
    const [mod, robot] = [stage.mod(), stage.bot()];
    mod.buffered = 9000;
    robot.say(botMessage('1', 'x'.repeat(500)));
    await stage.pass();
    expect(mod.ended).toBe(4508);
    expect([meter('closed_slow_total'), meter('mods')]).toEqual([1, 0]);
  });
});
