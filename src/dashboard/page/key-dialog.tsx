import { useEffect, useRef, useState } from 'preact/hooks';
import { useKey } from './api.ts';

/** Asks for the key that reading needs. Cannot be put away, for without it there is nothing to see. */
export function KeyDialog({ why }: { why: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [key, setKey] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onCancel={(event) => event.preventDefault()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          useKey(key);
        }}
      >
        <h2 id="key-title">A key is needed</h2>
        <p>
          The server says: {why} It is one of <code>[[api.keys]]</code> in config.toml; the role{' '}
          <code>read</code> is enough. This tab keeps it until it is closed.
        </p>
        <label>
          Key
          <input
            type="password"
            required
            autocomplete="off"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <button class="main">Go on</button>
      </form>
    </dialog>
  );
}
