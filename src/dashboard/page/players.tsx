import { useState } from 'preact/hooks';
import { askAll } from './api.ts';
import { Filters, Trouble } from './filters.tsx';
import { usePolled } from './polled.ts';
import { type Column, Table } from './table.tsx';
import { bytesText, countText, msText, percentText, sinceText } from './text.ts';

interface Transfer {
  direction: 'sending' | 'receiving';
  withUserId: string;
  fileName: string;
  fileSize: number;
  bytes: number;
}

interface Player {
  userId: string;
  userName: string | null;
  connectedAt: string;
  latencyMs: number | null;
  transfers: Transfer[];
}

/** A file on one of its two ways: from its sender to the server, or from there to its target. */
interface Way extends Transfer {
  key: string;
  userId: string;
}

const playersMax = 10_000;

const playerColumns: Column<Player>[] = [
  {
    title: 'User',
    width: 9,
    cell: ({ userId }) => <span title={userId}>{userId}</span>,
    by: ({ userId }) => userId,
  },
  {
    title: 'Name',
    width: 8,
    cell: ({ userName }) => <span title={userName ?? undefined}>{userName ?? '–'}</span>,
    by: ({ userName }) => userName ?? '',
  },
  {
    title: 'Connected',
    width: 6.5,
    isNumber: true,
    cell: ({ connectedAt }) => sinceText(connectedAt),
    by: ({ connectedAt }) => -Date.parse(connectedAt),
  },
  {
    title: 'Round trip',
    width: 6.5,
    isNumber: true,
    cell: ({ latencyMs }) => (latencyMs === null ? '–' : msText(latencyMs)),
    by: ({ latencyMs }) => latencyMs ?? -1,
  },
  {
    title: 'Files',
    width: 4,
    isNumber: true,
    cell: ({ transfers }) => transfers.length,
    by: ({ transfers }) => transfers.length,
  },
];

function wayText({ direction, userId, withUserId }: Way): string {
  return direction === 'sending' ? `${userId} → ${withUserId}` : `${withUserId} → ${userId}`;
}

const wayColumns: Column<Way>[] = [
  {
    title: 'File',
    width: 9.5,
    cell: ({ fileName }) => <span title={fileName}>{fileName}</span>,
    by: ({ fileName }) => fileName,
  },
  {
    title: 'From, to',
    width: 9.5,
    cell: (way) => <span title={wayText(way)}>{wayText(way)}</span>,
    by: wayText,
  },
  {
    title: 'Stage',
    width: 6,
    cell: ({ direction }) => (direction === 'sending' ? 'arriving' : 'delivering'),
    by: ({ direction }) => direction,
  },
  {
    title: 'Progress',
    width: 8.5,
    cell: ({ fileName, fileSize, bytes }) => (
      <span class="progress" title={`${bytesText(bytes)} of ${bytesText(fileSize)}`}>
        <progress value={bytes} max={Math.max(1, fileSize)} aria-label={fileName} />
        {percentText(bytes, fileSize)}
      </span>
    ),
    by: ({ fileSize, bytes }) => bytes / Math.max(1, fileSize),
  },
  {
    title: 'Size',
    width: 5.5,
    isNumber: true,
    cell: ({ fileSize }) => bytesText(fileSize),
    by: ({ fileSize }) => fileSize,
  },
];

export function Players() {
  const { value, trouble } = usePolled('players', 2_000, (signal) =>
    askAll<Player>('/players', playersMax, signal),
  );
  const [text, setText] = useState('');
  const wanted = text.toLowerCase();
  const all = value?.items ?? [];
  const shown = all.filter(({ userId, userName }) =>
    `${userId} ${userName ?? ''}`.toLowerCase().includes(wanted),
  );
  const ways = all
    .flatMap(({ userId, transfers }) =>
      transfers.map((one, i): Way => ({ ...one, userId, key: `${userId} ${i}` })),
    )
    .filter((way) => `${way.fileName} ${wayText(way)}`.toLowerCase().includes(wanted));
  const cut = value?.isCut ? ', and more that are not shown' : '';
  const none = (text: string) => (value === undefined ? 'Loading…' : text);
  return (
    <>
      <h2>Players</h2>
      <Trouble why={trouble} />
      <Filters
        text={text}
        find={setText}
        count={`${countText(shown.length)} of ${countText(all.length)}${cut}`}
      />
      <div class="halves">
        <section>
          <h3>Online</h3>
          <Table
            name="Players"
            rows={shown}
            columns={playerColumns}
            keyOf={({ userId }) => userId}
            empty={none(all.length > 0 ? 'Nobody is like that.' : 'Nobody is online.')}
          />
        </section>
        <section>
          <h3>Files under way</h3>
          <Table
            name="Files under way"
            rows={ways}
            columns={wayColumns}
            keyOf={({ key }) => key}
            empty={none('No file is under way.')}
          />
        </section>
      </div>
    </>
  );
}
