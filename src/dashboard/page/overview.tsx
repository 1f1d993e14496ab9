import { useCell } from './cell.ts';
import { Chart } from './chart.tsx';
import { events, fieldsText } from './events.ts';
import { connection } from './feed.ts';
import { countersOf, figure, lately, rates, refusals, stats, sumOf } from './figures.ts';
import { lines } from './lines.ts';
import { Queues } from './queues.tsx';
import { bytesText, countText, msText, pluralText, rateText } from './text.ts';
import { spanText, timeText, withTimesText, wordsText } from './text.ts';
import { Welcome } from './welcome.tsx';

interface CardProps {
  title: string;
  value: string;
  note: string;
  /** Beside its colour, the note says it too. */
  mood?: 'good' | 'warn' | 'bad' | 'idle';
  href: string;
  /** Holds also while the connection is gone. */
  isTrueNow?: boolean;
}

function Card({ title, value, note, mood = 'idle', href, isTrueNow }: CardProps) {
  const isKnown = useCell(stats) !== undefined || isTrueNow;
  return (
    <a class={`card ${isKnown ? mood : 'idle'} ${isTrueNow ? 'true-now' : ''}`} href={href}>
      <span class="title">{title}</span>
      <span class="value">{isKnown ? value : '–'}</span>
      <span class="note">{isKnown && note}</span>
    </a>
  );
}

/** Is it up, who is there, what moves. */
export function Overview() {
  const now = useCell(stats);
  return (
    <>
      <h2 class="unseen">Overview</h2>
      <Cards />
      <Rates />
      <div class="panels">
        {isUntouched() ? <Welcome /> : <Queues />}
        <Refusals />
        <LatelyWrong />
      </div>
      <dl class="panel strip">
        <Fact name="Memory" value={bytesText(figure(now, 'server', 'resident_memory_bytes'))} />
        <Fact name="Store" value={bytesText(figure(now, 'server', 'store_bytes'))} />
        <Fact name="Sockets" value={countText(figure(now, 'server', 'sockets'))} />
        <Fact name="Version" value={now?.version ?? '–'} />
        <Fact
          name="Event loop late by"
          value={msText(figure(now, 'server', 'event_loop_lag_seconds') * 1000)}
        />
      </dl>
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** What is 0 while nobody has come. */
const signs = [
  ...(['bot_connected', 'channels', 'messages_total'] as const).map((name) => ['relay', name]),
  ...(['workers', 'requests_total'] as const).map((name) => ['tasks', name]),
  ['sessions', 'sessions'],
  ['players', 'messages_total'],
] as [part: string, name: string][];

function isUntouched(): boolean {
  const now = stats.get();
  return now !== undefined && signs.every(([part, name]) => figure(now, part, name) === 0);
}

function Cards() {
  const now = useCell(stats);
  const of = (part: string, name: string, label?: string) => figure(now, part, name, label);
  const [healthy, ejected, gone] = (['healthy', 'ejected', 'gone'] as const).map((one) =>
    of('tasks', 'workers', one),
  ) as [number, number, number];
  const isBotThere = of('relay', 'bot_connected') === 1;
  const queued = of('relay', 'queued_messages') + of('players', 'queued_messages');
  const bytes = of('relay', 'queued_bytes') + of('players', 'queued_bytes');
  const lost = lately('relay', 'pushed_out_total') + lately('players', 'pushed_out_total');
  const refused = refusals();
  const refusedLately = refused.reduce((sum, one) => sum + one.lately, 0);
  const refusedEver = refused.reduce((sum, one) => sum + one.total, 0);

  return (
    <div class="cards">
      <ServerCard />
      <Card
        title="Bot"
        value={isBotThere ? 'Connected' : 'Away'}
        note={`${pluralText(of('relay', 'mods'), 'mod')} in ${pluralText(of('relay', 'channels'), 'channel')}`}
        mood={isBotThere ? 'good' : of('relay', 'mods') > 0 ? 'warn' : 'idle'}
        href="#relay"
      />
      <Card
        title="Healthy workers"
        value={countText(healthy)}
        note={`${countText(ejected)} ejected, ${countText(gone)} gone; ${countText(of('tasks', 'in_flight'))} tasks in flight`}
        mood={
          healthy === 0
            ? ejected + gone > 0
              ? 'bad'
              : 'idle'
            : ejected + gone > 0
              ? 'warn'
              : 'good'
        }
        href="#workers"
      />
      <Card
        title="Players"
        value={countText(of('players', 'players'))}
        note={`${pluralText(of('sessions', 'sessions'), 'session')}, ${pluralText(of('players', 'transfers'), 'file')} under way`}
        mood={of('players', 'players') > 0 ? 'good' : 'idle'}
        href="#players"
      />
      <Card
        title="Waiting messages"
        value={countText(queued)}
        note={
          lost > 0
            ? `${countText(lost)} pushed out of full queues in a minute`
            : `${bytesText(bytes)} in queues`
        }
        mood={lost > 0 ? 'bad' : 'idle'}
        href="#relay"
      />
      <Card
        title="Refused"
        value={countText(refusedLately)}
        note={`in the last minute; ${countText(refusedEver)} since the start`}
        mood={refusedLately > 0 ? 'warn' : 'idle'}
        href="#events"
      />
    </div>
  );
}

/** The one that stays true when the connection is gone. */
function ServerCard() {
  const now = useCell(stats);
  const { state } = useCell(connection);
  const upFor = spanText(now?.uptime_seconds ?? 0);
  const common = { title: 'Server', href: '#events' };
  if (state === 'lost')
    return (
      <Card
        {...common}
        isTrueNow
        value="No answer"
        note={now === undefined ? '' : `was up for ${upFor}`}
        mood="bad"
      />
    );
  if (figure(now, 'server', 'store_trouble') === 1)
    return (
      <Card {...common} value="Store fails" note={`up for ${upFor}, keeps nothing`} mood="bad" />
    );
  return <Card {...common} value="Up" note={`for ${upFor}`} mood="good" />;
}

function Rates() {
  const perSecond = useCell(rates);
  const { times, messages, tasks } = useCell(lines);
  return (
    <div class="charts">
      <section class="panel">
        <h3>
          Messages a second <b>{rateText(sumOf(perSecond, countersOf.messages))}</b>
        </h3>
        <Chart name="messages a second" times={times} values={messages} color="--first" />
      </section>
      <section class="panel">
        <h3>
          Tasks a second <b>{rateText(sumOf(perSecond, countersOf.tasks))}</b>
        </h3>
        <Chart name="tasks a second" times={times} values={tasks} color="--second" />
      </section>
    </div>
  );
}

const rowsMax = 5;

function Refusals() {
  useCell(stats);
  const all = refusals();
  return (
    <section class="panel">
      <h3>
        Refused, by reason <small>in a minute, and ever</small>
      </h3>
      {all.length === 0 && <p class="empty">Nothing.</p>}
      <ul class="bars reasons">
        {all.slice(0, rowsMax).map(({ part, reason, total, lately: recent }) => (
          <li key={`${part} ${reason}`}>
            <span class="name">
              {part}: {wordsText(reason)}
            </span>
            <b>{countText(recent)}</b>
            <span class="more ever">{countText(total)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function LatelyWrong() {
  const wrong = useCell(events).filter(({ level }) => level === 'warn' || level === 'error');
  return (
    <section class="panel">
      <h3>
        <a href="#events">Lately wrong</a>
      </h3>
      {wrong.length === 0 && <p class="empty">Nothing.</p>}
      <ul class="recent">
        {wrong.slice(0, rowsMax).map((one) => (
          <li key={one.event_id}>
            <time dateTime={one.time}>{timeText(one.time)}</time>{' '}
            <span class={`level ${one.level}`}>{one.level}</span> {one.part}: {wordsText(one.event)}{' '}
            <small>{withTimesText(fieldsText(one))}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
