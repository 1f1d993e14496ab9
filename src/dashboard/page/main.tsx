import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { askJson, hasKey, keyWanted, useKey } from './api.ts';
import { useCell } from './cell.ts';
import { LostBar, Sign } from './connection.tsx';
import { hearEvent, loadEvents } from './events.ts';
import { connection, follow } from './feed.ts';
import { hearStats, loadHistory, type Stats, stats, takeStats } from './figures.ts';
import { Journal } from './journal.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { Overview } from './overview.tsx';
import { Players } from './players.tsx';
import { Relay } from './relay.tsx';
import { chooseTheme, theme, themes, type Theme } from './theme.ts';
import { TryTask } from './try-task.tsx';
import { Workers } from './workers.tsx';

const views = {
  overview: { title: 'Overview', View: Overview },
  workers: { title: 'Workers', View: Workers },
  relay: { title: 'Relay', View: Relay },
  players: { title: 'Players', View: Players },
  events: { title: 'Events', View: Journal },
  task: { title: 'Try a task', View: TryTask },
};
type Name = keyof typeof views;

function nameInHash(): Name {
  const name = location.hash.slice(1);
  return Object.hasOwn(views, name) ? (name as Name) : 'overview';
}

function Moon() {
  return (
    <svg class="moon" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="12" />
      <path d="M15.5 4.5a8 8 0 1 0 4 11.2A7 7 0 0 1 15.5 4.5z" />
    </svg>
  );
}

function Header({ name, title }: { name: Name; title: string }) {
  const chosen = useCell(theme);
  return (
    <header>
      <h1 title={title}>
        <Moon /> <span>{title}</span>
      </h1>
      <Sign />
      <nav aria-label="Views">
        {Object.entries(views).map(([one, { title: text }]) => (
          <a key={one} href={`#${one}`} aria-current={one === name ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      {hasKey() && (
        <button
          onClick={() => {
            useKey('');
            location.reload();
          }}
        >
          Forget the key
        </button>
      )}
      <label class="theme">
        Theme{' '}
        <select
          value={chosen}
          onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}
        >
          {themes.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    </header>
  );
}

function Page() {
  const [name, setName] = useState(nameInHash);
  const content = useRef<HTMLElement>(null);
  const why = useCell(keyWanted);
  const instance = useCell(stats)?.instance ?? 'Moonstead';
  const { state } = useCell(connection);
  useEffect(() => {
    const change = () => {
      setName(nameInHash());
      scrollTo(0, 0);
    };
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  const { View, title } = views[name];
  const isLost = state === 'lost';
  useEffect(() => {
    document.title = `${isLost ? '(no connection) ' : ''}${title} · ${instance}`;
  }, [title, instance, isLost]);
  const isViewStale = isLost && name !== 'task';
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          // What follows the # is the view's.
          event.preventDefault();
          content.current!.focus();
        }}
      >
        Skip to the content
      </a>
      <Header name={name} title={instance} />
      <main id="content" ref={content} tabIndex={-1} class={isViewStale ? 'stale' : ''}>
        <View />
      </main>
      <LostBar isViewStale={isViewStale} />
      {why !== undefined && <KeyDialog why={why} key={why} />}
    </>
  );
}

/** A connection begins: what is kept here may be out of date, or not there yet. */
async function begun(): Promise<void> {
  try {
    const now = await askJson<Stats>('/stats');
    takeStats(now);
    await Promise.all([loadHistory(now.started_at), loadEvents()]);
  } catch {
    // The live feed says how it stands with the server.
  }
}

void follow(
  () => void begun(),
  (event) => {
    if (event.topic === 'stats') hearStats(event);
    else if (event.topic === 'missed') void begun();
    else hearEvent(event);
  },
);
render(<Page />, document.getElementById('page')!);
