import { Fragment } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useCell } from './cell.ts';
import { events, eventsMax, fieldsOf, fieldsText, type JournalEvent } from './events.ts';
import { Chooser, Filters } from './filters.tsx';
import { type Column, Table } from './table.tsx';
import { countText, timeText } from './text.ts';

const levels = ['debug', 'info', 'warn', 'error'];
const levelChoices = levels.map(
  (one) => [one, one === 'debug' ? 'any' : one === 'error' ? 'error' : `${one} and above`] as const,
);

function columnsWith(open: (one: JournalEvent) => void): Column<JournalEvent>[] {
  return [
    {
      title: 'Time',
      width: 6,
      cell: ({ time }) => <time dateTime={time}>{timeText(time)}</time>,
    },
    {
      title: 'Level',
      width: 4.5,
      cell: ({ level }) => <span class={`level ${level}`}>{level}</span>,
    },
    { title: 'Part', width: 5.5, cell: ({ part }) => part },
    {
      title: 'Event',
      width: 12,
      cell: (one) => (
        <button class="plain" onClick={() => open(one)}>
          {one.event}
        </button>
      ),
    },
    {
      title: 'What',
      width: 34,
      cell: (one) => <span class="dim">{fieldsText(one)}</span>,
    },
  ];
}

/** The events, newest first, as they come; or as they stood when they were stopped. */
export function Journal() {
  const newest = useCell(events);
  const [paused, setPaused] = useState<readonly JournalEvent[] | undefined>();
  const [text, setText] = useState('');
  const [level, setLevel] = useState('debug');
  const [part, setPart] = useState('');
  const [opened, setOpened] = useState<JournalEvent | undefined>();
  const columns = useMemo(() => columnsWith(setOpened), []);
  const list = paused ?? newest;
  const parts = useMemo(() => [...new Set(list.map((one) => one.part))].sort(), [list]);
  const shown = useMemo(() => {
    const wanted = text.toLowerCase();
    return list.filter(
      (one) =>
        levels.indexOf(one.level) >= levels.indexOf(level) &&
        (part === '' || one.part === part) &&
        `${one.event} ${fieldsText(one)}`.toLowerCase().includes(wanted),
    );
  }, [list, text, level, part]);

  return (
    <>
      <h2>Events</h2>
      <Filters text={text} find={setText} count={`${countText(shown.length)} shown`}>
        <Chooser name="Level" value={level} choices={levelChoices} choose={setLevel} />
        <Chooser
          name="Part"
          value={part}
          choices={[['', 'any'], ...parts.map((one) => [one, one] as const)]}
          choose={setPart}
        />
        <button
          class="steady"
          aria-pressed={paused !== undefined}
          onClick={() => setPaused(paused === undefined ? newest : undefined)}
        >
          {paused === undefined ? 'Pause' : `Go on (${newerText(newest, paused)} new)`}
        </button>
      </Filters>
      <div class={opened === undefined ? '' : 'with-details'}>
        <Table
          name="Events"
          rows={shown}
          columns={columns}
          keyOf={({ event_id }) => event_id}
          empty={list.length > 0 ? 'No event is like that.' : 'Nothing has happened yet.'}
        />
        {opened !== undefined && <Details one={opened} close={() => setOpened(undefined)} />}
      </div>
    </>
  );
}

function newerText(newest: readonly JournalEvent[], paused: readonly JournalEvent[]): string {
  const id = paused[0]?.event_id;
  const count = newest.findIndex(({ event_id }) => event_id === id);
  if (count >= 0) return countText(count);
  return id === undefined ? countText(newest.length) : `over ${countText(eventsMax)}`;
}

/** All that an event says. */
function Details({ one, close }: { one: JournalEvent; close(): void }) {
  return (
    <section class="panel" aria-label="One event">
      <h3>
        {one.event}
        <button class="close" onClick={close}>
          Close
        </button>
      </h3>
      <dl class="facts" tabIndex={0}>
        {[
          ['time', one.time],
          ['level', one.level],
          ['part', one.part],
          ...fieldsOf(one),
          ['id', one.event_id],
        ].map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}
