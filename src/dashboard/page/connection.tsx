import { useEffect, useState } from 'preact/hooks';
import { useCell } from './cell.ts';
import { connection } from './feed.ts';
import { spanText, timeText } from './text.ts';

const words = { connecting: 'Connecting…', live: 'Live', locked: 'Locked', lost: 'No connection' };

/** Says at a glance whether what is shown is true now; told by readers of screens when it changes. */
export function Sign() {
  const { state } = useCell(connection);
  return (
    <div role="status" class={`sign ${state}`}>
      <span class="dot" aria-hidden="true" /> {words[state]}
    </div>
  );
}

/** Since when the connection is gone, and what of the page is not to be believed. */
export function LostBar({ isViewStale }: { isViewStale: boolean }) {
  const now = useCell(connection);
  const [, again] = useState({});
  useEffect(() => {
    const timer = setInterval(() => again({}), 1000);
    return () => clearInterval(timer);
  }, []);
  if (now.state !== 'lost') return null;
  const since = new Date(now.sinceMs).toISOString();
  return (
    <aside class="lost-bar" aria-label="No connection">
      <b>
        No connection to the server for {spanText(Math.max(0, (Date.now() - now.sinceMs) / 1000))}.
      </b>{' '}
      {now.why} {isViewStale ? `All that is grey is as it was at ${timeText(since)}. ` : ''}Trying
      again…
    </aside>
  );
}
