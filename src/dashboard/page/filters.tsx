import type { ComponentChildren } from 'preact';

/** What is above every list: words to find, what else narrows it, and how much is left. */
export function Filters(props: {
  text: string;
  find(text: string): void;
  children?: ComponentChildren;
  count: string;
}) {
  return (
    <div class="filters">
      <label>
        Find{' '}
        <input
          type="search"
          value={props.text}
          onInput={(event) => props.find(event.currentTarget.value)}
        />
      </label>
      {props.children}
      <output>{props.count}</output>
    </div>
  );
}

/** That what is shown could not be asked for again. */
export function Trouble({ why }: { why: string | undefined }) {
  return why === undefined ? null : <p class="trouble">Not up to date: {why}</p>;
}

/** One of a few. */
export function Chooser(props: {
  name: string;
  value: string;
  choices: readonly (readonly [value: string, text: string])[];
  choose(value: string): void;
}) {
  return (
    <label>
      {props.name}{' '}
      <select value={props.value} onChange={(event) => props.choose(event.currentTarget.value)}>
        {props.choices.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
