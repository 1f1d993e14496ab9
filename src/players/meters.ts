import { ringMeters } from '../delivery/ring-meters.ts';
import { byWord } from '../refusal.ts';
import type { Meter } from '../shown.ts';
import type { Players } from './players.ts';
import type { Transfers } from './transfers.ts';

/** What is shown of files. */
export type FilesShown = Pick<Transfers, 'of' | 'waitingBytes' | 'figures'>;

/** The numbers of the players and of their files. */
export function metersOf(players: Players, transfers: FilesShown): Meter[] {
  return [...meters(players), ...fileMeters(players, transfers)];
}

function meters({ presence, strangers, linking, direct, figures }: Players): Meter[] {
  const { delivery, rings } = direct;
  return [
    { name: 'players', help: 'Players online.', kind: 'gauge', read: () => presence.size },
    {
      name: 'sockets_unauthenticated',
      help: 'Connections that have not said whose they are.',
      kind: 'gauge',
      read: () => strangers.size,
    },
    { name: 'links', help: 'Pairs of linked users.', kind: 'gauge', read: () => linking.size },
    {
      name: 'messages_total',
      help: 'Messages that were taken, by whom they were for.',
      kind: 'counter',
      label: 'to',
      read: () => figures.messages,
    },
    {
      name: 'delivered_total',
      help: 'Messages that were sent to recipients, one for each of them.',
      kind: 'counter',
      label: 'to',
      read: () => ({ user: delivery.counts.delivered, channel: figures.delivered }),
    },
    {
      name: 'queued_total',
      help: 'Messages that joined a ring, for they could not be sent at once.',
      kind: 'counter',
      read: () => delivery.counts.queued,
    },
    {
      name: 'failed_total',
      help: 'Messages that were answered failed.',
      kind: 'counter',
      read: () => delivery.counts.failed + figures.failed,
    },
    {
      name: 'delivered_again_total',
      help: 'Messages that were sent again, for nobody had confirmed them.',
      kind: 'counter',
      read: () => delivery.counts.deliveredAgain,
    },
    {
      name: 'pushed_out_total',
      help: 'Messages that newer ones pushed out of a ring.',
      kind: 'counter',
      read: () => rings.pushedOut,
    },
    {
      name: 'refused_total',
      help: 'Frames that were refused and connections that were ended, by the reason.',
      kind: 'counter',
      label: 'reason',
      read: () => byWord(figures.refused),
    },
    {
      name: 'closed_slow_total',
      help: 'Connections that were closed because they did not read.',
      kind: 'counter',
      read: () => figures.closedSlow,
    },
    ...ringMeters(rings),
  ];
}

function fileMeters({ presence }: Players, transfers: FilesShown): Meter[] {
  const { figures } = transfers;
  return [
    {
      name: 'transfers',
      help: 'Files that come from players who are online, and that go to them.',
      kind: 'gauge',
      read() {
        let sum = 0;
        for (const { user } of presence.all()) sum += transfers.of(user.userId).length;
        return sum;
      },
    },
    {
      name: 'files_stored_total',
      help: 'Files that came whole.',
      kind: 'counter',
      read: () => figures.stored,
    },
    {
      name: 'files_delivered_total',
      help: 'Files that their targets have.',
      kind: 'counter',
      read: () => figures.delivered,
    },
    {
      name: 'files_failed_total',
      help: 'Files that were refused, also on their way, by the code that their senders were told.',
      kind: 'counter',
      label: 'code',
      read: () => figures.failed,
    },
    {
      name: 'file_bytes_total',
      help: 'Bytes of files that came, and that were sent on.',
      kind: 'counter',
      label: 'direction',
      read: () => figures.bytes,
    },
    {
      name: 'files_waiting_bytes',
      help: 'Bytes of the files that wait for their targets.',
      kind: 'gauge',
      read: () => transfers.waitingBytes(),
    },
  ];
}
