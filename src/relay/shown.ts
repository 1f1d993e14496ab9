import { Type } from '@sinclair/typebox';
import type { Delivery } from '../delivery/delivery.ts';
import { ringMeters } from '../delivery/ring-meters.ts';
import { waitingIn } from '../delivery/ring-rows.ts';
import type { Tally } from '../delivery/tallies.ts';
import type { Action, List, Meter, Shown } from '../shown.ts';
import type { Clock } from '../sockets/ports.ts';
import type { Relay } from './relay.ts';

/** What the relay shows of itself, and lets operators do. */
export function relayShown(relay: Relay, clock: Clock): Shown {
  return {
    meters: metersOf(relay),
    lists: [channels(relay, clock)],
    actions: [dropQueue(relay)],
  };
}

const time = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);
const count = (description: string) => Type.Integer({ minimum: 0, description });

const entry = Type.Object(
  {
    channel: Type.String(),
    mods: count('Mods that are connected.'),
    queued: Type.Object(
      { toMods: count('Messages of the bot.'), toBot: count('Messages of mods.') },
      { description: 'Messages that wait, or were sent and are not confirmed after a wait.' },
    ),
    messages: count('Messages of both sides, while the server knows the channel.'),
    lastSeen: Type.Union(time.anyOf, { description: 'When the last of them came.' }),
  },
  {
    examples: [
      {
        channel: '123456789',
        mods: 2,
        queued: { toMods: 0, toBot: 3 },
        messages: 41,
        lastSeen: '2026-01-02T03:04:05.678Z',
      },
    ],
  },
);

function channels(relay: Relay, clock: Clock): List<Tally> {
  const { toMods, toBot, tallies, oneBot } = relay;
  const startWallMs = clock.wallMs() - clock.now();
  /** A time of the clock for deadlines, for people: the same each time that it is asked for. */
  const text = (ms: number) => new Date(startWallMs + ms).toISOString();
  return {
    path: '/relay',
    summary: 'The bot, and the channels that have a mod or a message waiting.',
    entry,
    items: () => tallies.all(),
    numberOf: ({ number }) => number,
    view: ({ channel, messages, lastMs }) => ({
      channel,
      mods: toMods.lanes.get(channel)?.members.length ?? 0,
      queued: { toMods: waiting(relay, toMods, channel), toBot: waiting(relay, toBot, channel) },
      messages,
      lastSeen: lastMs === 0 ? null : text(lastMs),
    }),
    filters: {
      channel: {
        summary: 'This channel only.',
        matches: ({ channel }, wanted) => channel === wanted,
      },
    },
    beside: {
      fields: {
        bot: Type.Object({
          connected: Type.Boolean(),
          id: Type.Union([Type.String(), Type.Null()]),
          since: time,
        }),
      },
      read() {
        const { present } = oneBot;
        const since = present === undefined ? null : text(present.sinceMs);
        return { bot: { connected: present !== undefined, id: present?.id ?? null, since } };
      },
    },
  };
}

function dropQueue({ toMods, toBot }: Relay): Action {
  return {
    method: 'DELETE',
    path: '/relay/{channel}/queue',
    summary: 'Drops what waits for the mods of a channel, and from them for the bot.',
    answer: Type.Object({ dropped: Type.Integer({ minimum: 1 }) }, { examples: [{ dropped: 3 }] }),
    async act({ channel }) {
      const sides = await Promise.allSettled([toMods.clear(channel!), toBot.clear(channel!)]);
      const dropped = sides.reduce((sum, side) => {
        return side.status === 'fulfilled' ? sum + side.value : sum;
      }, 0);
      // What one side could not drop is there for the next try.
      if (dropped > 0) return { dropped };
      for (const side of sides) if (side.status === 'rejected') throw side.reason;
      return undefined;
    },
  };
}

function metersOf(relay: Relay): Meter[] {
  const { toMods, toBot, rings, counts, tallies, oneBot } = relay;
  const both = (read: (side: Delivery) => number) => () => read(toMods) + read(toBot);
  const each = (read: (side: Delivery) => number) => () => ({
    mods: read(toMods),
    bot: read(toBot),
  });
  return [
    {
      name: 'messages_total',
      help: 'Messages that were taken, by who sent them.',
      kind: 'counter',
      label: 'from',
      read: () => ({ mod: toBot.counts.messages, bot: toMods.counts.messages }),
    },
    {
      name: 'delivered_total',
      help: 'Messages that were sent to recipients, one for each of them.',
      kind: 'counter',
      label: 'to',
      read: each(({ counts: { delivered } }) => delivered),
    },
    {
      name: 'queued_total',
      help: 'Messages that joined a ring, for nobody could be sent them at once.',
      kind: 'counter',
      read: both(({ counts: { queued } }) => queued),
    },
    {
      name: 'failed_total',
      help: 'Messages that were answered failed.',
      kind: 'counter',
      read: both(({ counts: { failed } }) => failed),
    },
    {
      name: 'pushed_out_total',
      help: 'Messages that newer ones pushed out of a ring.',
      kind: 'counter',
      read: () => rings.pushedOut,
    },
    {
      name: 'dropped_total',
      help: 'Messages that waited and were dropped by operators.',
      kind: 'counter',
      read: both(({ counts: { cleared } }) => cleared),
    },
    {
      name: 'delivered_again_total',
      help: 'Messages that were sent again, for nobody had confirmed them.',
      kind: 'counter',
      read: both(({ counts: { deliveredAgain } }) => deliveredAgain),
    },
    {
      name: 'receipts_total',
      help: 'Pongs by which recipients confirmed what they were sent.',
      kind: 'counter',
      read: both(({ counts: { receipts } }) => receipts),
    },
    {
      name: 'refused_total',
      help: 'Requests, handshakes and messages that were refused, by the reason.',
      kind: 'counter',
      label: 'reason',
      read: () => counts.refused(),
    },
    {
      name: 'closed_slow_total',
      help: 'Connections that were closed because they did not read.',
      kind: 'counter',
      read: () => counts.closedSlow,
    },
    { name: 'mods', help: 'Mods that are connected.', kind: 'gauge', read: () => counts.mods },
    {
      name: 'bot_connected',
      help: '1 while the bot is connected.',
      kind: 'gauge',
      read: () => (oneBot.present === undefined ? 0 : 1),
    },
    {
      name: 'channels',
      help: 'Channels with a mod, or with a message that waits or is not confirmed.',
      kind: 'gauge',
      read: () => tallies.size,
    },
    ...ringMeters(rings),
    {
      name: 'unreceipted_characters',
      help: 'Characters of messages that were sent live and are not confirmed.',
      kind: 'gauge',
      read: both(({ unreceipted: { chars } }) => chars),
    },
  ];
}

function waiting({ rings }: Relay, { lanes }: Delivery, channel: string): number {
  const ring = lanes.get(channel)?.ring;
  return ring === undefined ? 0 : waitingIn(rings.get(ring));
}
