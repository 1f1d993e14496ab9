import { useRef } from 'preact/hooks';
import { askAll } from './api.ts';
import { useCell } from './cell.ts';
import { figure, stats } from './figures.ts';
import { usePolled } from './polled.ts';
import type { Channel } from './relay.tsx';
import { countText } from './text.ts';

interface Queue {
  name: string;
  waiting: number;
}

const channelsMax = 10_000;
const shownMax = 5;
const everyMs = 5_000;
/** How many answers back a queue is compared with, half a minute about. */
const answersBack = 6;

/** The queues that are fullest, and whether they fill. */
export function Queues() {
  const { value } = usePolled('queues', everyMs, async (signal) => {
    const isEmpty = figure(stats.get(), 'relay', 'queued_messages') === 0;
    return isEmpty ? [] : (await askAll<Channel>('/relay', channelsMax, signal)).items;
  });
  const away = figure(useCell(stats), 'players', 'queued_messages');
  const before = useRef<(readonly Channel[])[]>([]);
  if (value !== undefined && before.current.at(-1) !== value)
    before.current = [...before.current, value].slice(-answersBack - 1);
  const old = new Map(
    queuesOf(before.current[0] ?? []).map(({ name, waiting }) => [name, waiting]),
  );
  const all = queuesOf(value ?? []);
  if (away > 0) all.push({ name: 'players who are away', waiting: away });
  all.sort((a, b) => b.waiting - a.waiting);
  const most = all[0]?.waiting ?? 0;

  return (
    <section class="panel">
      <h3>
        <a href="#relay">Fullest queues</a>
        {all.length > shownMax && (
          <small>
            {shownMax} of {countText(all.length)}
          </small>
        )}
      </h3>
      {all.length === 0 && <p class="empty">{value === undefined ? '–' : 'Nothing waits.'}</p>}
      <ul class="bars">
        {all.slice(0, shownMax).map(({ name, waiting }) => {
          const grown = waiting - (old.get(name) ?? waiting);
          return (
            <li key={name}>
              <span class="name">{name}</span>
              <span class="more">{grown > 0 && `+${countText(grown)} lately`}</span>
              <b>{countText(waiting)}</b>
              <meter aria-hidden="true" value={waiting} max={most} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function queuesOf(channels: readonly Channel[]): Queue[] {
  return channels.flatMap(({ channel, queued: { toMods, toBot } }) => [
    ...(toMods > 0 ? [{ name: `${channel} to mods`, waiting: toMods }] : []),
    ...(toBot > 0 ? [{ name: `${channel} to the bot`, waiting: toBot }] : []),
  ]);
}
