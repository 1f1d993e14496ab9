import { useState } from 'preact/hooks';
import { askAll } from './api.ts';
import { Filters, Trouble } from './filters.tsx';
import { usePolled } from './polled.ts';
import { type Column, Table } from './table.tsx';
import { countText, sinceText } from './text.ts';

export interface Channel {
  channel: string;
  mods: number;
  queued: { toMods: number; toBot: number };
  messages: number;
  lastSeen: string | null;
}

interface Bot {
  bot: { connected: boolean; id: string | null; since: string | null };
}

const channelsMax = 10_000;

const columns: Column<Channel>[] = [
  {
    title: 'Channel',
    width: 12,
    cell: ({ channel }) => <span title={channel}>{channel}</span>,
    by: ({ channel }) => channel,
  },
  { title: 'Mods', width: 5, isNumber: true, cell: ({ mods }) => mods, by: ({ mods }) => mods },
  {
    title: 'Waiting for mods',
    width: 9.5,
    isNumber: true,
    cell: ({ queued }) => countText(queued.toMods),
    by: ({ queued }) => queued.toMods,
  },
  {
    title: 'Waiting for the bot',
    width: 10.5,
    isNumber: true,
    cell: ({ queued }) => countText(queued.toBot),
    by: ({ queued }) => queued.toBot,
  },
  {
    title: 'Messages',
    width: 7,
    isNumber: true,
    cell: ({ messages }) => countText(messages),
    by: ({ messages }) => messages,
  },
  {
    title: 'Last message',
    width: 9,
    isNumber: true,
    cell: ({ lastSeen }) => (lastSeen === null ? '–' : `${sinceText(lastSeen)} ago`),
    by: ({ lastSeen }) => (lastSeen === null ? Infinity : -Date.parse(lastSeen)),
  },
];

export function Relay() {
  const { value, trouble } = usePolled('relay', 3_000, (signal) =>
    askAll<Channel, Bot>('/relay', channelsMax, signal),
  );
  const [text, setText] = useState('');
  const bot = value?.first.bot;
  const wanted = text.toLowerCase();
  const shown = (value?.items ?? []).filter((one) => one.channel.toLowerCase().includes(wanted));
  return (
    <>
      <h2>Relay</h2>
      <Trouble why={trouble} />
      <p class="lead">
        {bot === undefined ? (
          'Loading…'
        ) : bot.connected ? (
          <>
            The bot <b>{bot.id}</b> has been connected for {sinceText(bot.since!)}.
          </>
        ) : (
          'No bot is connected: what mods say waits for it.'
        )}
      </p>
      <Filters
        text={text}
        find={setText}
        count={`${countText(shown.length)} of ${countText(value?.items.length ?? 0)}`}
      />
      <Table
        name="Channels"
        rows={shown}
        columns={columns}
        keyOf={({ channel }) => channel}
        empty={
          value === undefined
            ? 'Loading…'
            : value.items.length > 0
              ? 'No channel is like that.'
              : 'No channel has a mod, or a message that waits.'
        }
      />
    </>
  );
}
